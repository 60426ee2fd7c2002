// What must have become of every desire when all trouble is over.
import { commandImbalance } from '../../../src/domain/command.ts';
import type { BridgeStore } from '../../../src/domain/ports/store.ts';
import type { CommandPlan } from './command-plan.ts';
import type { CommandWitness, Desire } from './command-witness.ts';
import type { ShadowModel } from './shadow-model.ts';

export interface Trouble {
  readonly kind: string;
  readonly fromMs: number;
  readonly untilMs: number;
}

export interface CommandChecks {
  readonly plan: CommandPlan;
  readonly witness: CommandWitness;
  readonly shadows: ShadowModel;
  readonly troubles: readonly Trouble[];
  readonly nowMs: number;
  readonly violated: (check: string, message: string, words: readonly string[]) => void;
}

/** Starts, retries and what was refused take so long after a trouble at most; a refused list is asked for again every 10 minutes. */
const RECOVERY_MS = 30_000;
const REFUSED_MS = 11 * 60_000;

export function checkDesires(checks: CommandChecks): void {
  const { plan, witness, shadows, violated } = checks;
  for (const { device, connection } of plan.devices) {
    const own = witness.ofDevice(device);
    for (const [at, desire] of own.entries()) {
      if (desire.wish !== 'command' || desire.copies.size > 0 || desire.isUnwanted || desire.isUnclear) continue;
      if (isExcused(desire, own[at + 1], checks)) continue;
      const words = `${device} ${desire.hex} of version ${desire.version} was never published`;
      violated('missing', words, [device]);
    }
    const last = own.at(-1);
    if (connection === null || last === undefined || witness.recreated.has(device) || !isToBeTold(last, checks))
      continue;
    const shadow = shadows.shadow(device);
    if (shadow?.reported !== shadow?.version) {
      violated('circle', `${device}: HERE desires ${shadow?.version} and was told ${shadow?.reported}`, [device]);
    }
  }
}

/** A newer one took its place before it could be published, or it was switched off. */
function isExcused(desire: Desire, next: Desire | undefined, { plan, troubles, nowMs }: CommandChecks): boolean {
  const isOff = troubles.some(
    ({ kind, fromMs, untilMs }) =>
      kind === 'off' &&
      untilMs + RECOVERY_MS >= desire.atMs - Math.abs(plan.jitterMs) &&
      fromMs <= calmEnd(desire.atMs, plan, troubles),
  );
  if (isOff) return true;
  return calmEnd(desire.atMs, plan, troubles) > (next?.atMs ?? nowMs);
}

/** By then a desire of `fromMs` must have been published, whatever is in its way. */
function calmEnd(fromMs: number, { pollMs, devices, jitterMs }: CommandPlan, troubles: readonly Trouble[]): number {
  const slowest = Math.max(...devices.map(({ everyMs }) => everyMs));
  let end = fromMs + pollMs.max * 1.2 + slowest * 1.2 + jitterMs + RECOVERY_MS;
  for (const { kind, fromMs: from, untilMs } of troubles) {
    if (from > end) continue;
    const until = untilMs + (kind === 'refusal' ? REFUSED_MS : RECOVERY_MS);
    if (until > fromMs) end = Math.max(end, until + pollMs.max * 1.2 + slowest * 1.2 + RECOVERY_MS);
  }
  return end;
}

/** HERE must have heard of it by now. */
function isToBeTold(last: Desire, { plan, troubles, nowMs }: CommandChecks): boolean {
  // A network that is silent now and then is expected to report, for a day.
  if (last.end === 'rejected' || last.isUnwanted || plan.fates.silent > 0 || plan.fates.notSent > 0) return false;
  if (troubles.some(({ kind }) => kind === 'off')) return false;
  return calmEnd(last.atMs, plan, troubles) + 6 * 60_000 < nowMs;
}

/** The bridge's own books against those of the network. */
export function checkLedgers(
  store: Pick<BridgeStore, 'commands'>,
  plan: CommandPlan,
  witness: CommandWitness,
  violated: CommandChecks['violated'],
): void {
  for (const id of plan.connections) {
    const commands = store.commands(id);
    const ledger = commands?.ledger();
    const words = `${id}: ${JSON.stringify(ledger)}`;
    if (ledger === undefined || commands === null) {
      violated('ledger', `nothing is kept of ${id}`, []);
      return;
    }
    if (commandImbalance(ledger) !== 0) violated('ledger', `${words} is off by ${commandImbalance(ledger)}`, []);
    if (commands.verify() !== 0) violated('ledger', `${words}: waiting is off by ${commands.verify()}`, []);
    const own = witness.desires.filter(({ copies }) => [...copies.values()].some((each) => each.connection === id));
    // What the broker had before its word, or the commit, met an end may have been superseded before it was published again.
    const least = own.filter(({ copies }) => [...copies.values()].some(({ excuses }) => excuses === 0)).length;
    // A repeat that cannot be told from one more try counts for itself.
    const most = own.length + witness.desires.filter(({ isUnclear }) => isUnclear).length;
    if (ledger.published > most || ledger.published < least) {
      violated('ledger', `${words}: ${least}..${most} were published`, []);
    }
    if (ledger.waiting !== 0) violated('ledger', `${words}: some wait for ever`, []);
  }
}
