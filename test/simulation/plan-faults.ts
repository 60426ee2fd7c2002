// The faults of one seed: what goes wrong, when, and for how long.
import type { Dice } from './dice.ts';
import type { HereFault } from './here-faults.ts';
import type { Crash } from './life.ts';
import type { ConnectionPlan, Plan } from './plan.ts';

export type PlannedFault = { readonly atMs: number } & (
  | { readonly kind: 'here'; readonly forMs: number; readonly fault: HereFault }
  | { readonly kind: 'tooLarge'; readonly forMs: number; readonly records: number; readonly bytes: number }
  | { readonly kind: 'slowJobs'; readonly forMs: number; readonly ms: number }
  | { readonly kind: 'revoke'; readonly account: number }
  | { readonly kind: 'forgetDevices'; readonly connection: number; readonly share: number }
  | { readonly kind: 'brokerAway'; readonly forMs: number }
  | { readonly kind: 'brokerReset' }
  | { readonly kind: 'diskFull' | 'diskSlow'; readonly forMs: number; readonly ms: number }
  | { readonly kind: 'diskError'; readonly writes: number }
  /** `calls`: in the midst of the so-manieth step at a port; then dead for `forMs`; `again`: so often once more, at start. */
  | {
      readonly kind: 'crash';
      readonly ending: Crash;
      readonly calls: number;
      readonly forMs: number;
      readonly again: number;
    }
  | { readonly kind: 'stop'; readonly forMs: number }
  | { readonly kind: 'clockStep'; readonly ms: number }
  | {
      readonly kind: 'definition';
      readonly change: DefinitionChange;
      readonly connection: number;
      readonly forMs: number;
    }
  /** The broker loses what it retains; people write it again. */
  | { readonly kind: 'definitionsLost'; readonly forMs: number }
  | { readonly kind: 'licenceExpired'; readonly account: number; readonly forMs: number }
  | { readonly kind: 'passwordChanged'; readonly account: number; readonly forMs: number }
);

/** `wrongPassword`, `inactive` and `invalid` are taken back after a while; the others stay. */
export type DefinitionChange =
  | 'wrongPassword'
  | 'inactive'
  | 'invalid'
  | 'restart'
  | 'rename'
  | 'project'
  | 'format'
  | 'topics'
  | 'same'
  /** For good: nothing of it is left behind. */
  | 'deleted';

const FROM_MS = 40_000;
const UNTIL_MS = 44 * 60_000;

export function drawFaults(
  dice: Dice,
  connections: readonly ConnectionPlan[],
  accounts: Plan['accounts'],
): PlannedFault[] {
  const count = dice.whole(5, 9);
  // Some seeds have all of it within a few minutes.
  const fromMs = dice.isLucky(0.5) ? FROM_MS : dice.between(FROM_MS, UNTIL_MS / 2);
  const untilMs = dice.isLucky(0.5) ? UNTIL_MS : Math.min(UNTIL_MS, fromMs + dice.scaled(60_000, 1_000_000));
  let atMs = fromMs;
  const faults = Array.from({ length: count }, () => {
    // One comes seldom alone.
    atMs = dice.isLucky(0.35) ? atMs + dice.scaled(20, 8_000) : dice.between(fromMs, untilMs);
    return { atMs: Math.round(atMs), ...drawFault(dice, connections, accounts) };
  });
  return faults.sort((a, b) => a.atMs - b.atMs);
}

type WithoutTime<T> = T extends unknown ? Omit<T, 'atMs'> : never;

function drawFault(
  dice: Dice,
  connections: readonly ConnectionPlan[],
  accounts: Plan['accounts'],
): WithoutTime<PlannedFault> {
  const account = dice.whole(0, accounts.length - 1);
  const connection = dice.whole(0, connections.length - 1);
  const briefMs = Math.round(dice.scaled(300, 120_000));
  const downMs = Math.round(dice.scaled(200, 30_000));
  const draw = dice.weighted<() => WithoutTime<PlannedFault>>([
    [14, () => drawHereFault(dice, accounts[account]?.email ?? '')],
    [
      2,
      () => ({
        kind: 'tooLarge',
        forMs: briefMs,
        records: dice.whole(1, 20),
        bytes: Math.round(dice.scaled(1_200, 100_000)),
      }),
    ],
    [1, () => ({ kind: 'slowJobs', forMs: briefMs, ms: Math.round(dice.scaled(2_000, 60_000)) })],
    [2, () => ({ kind: 'revoke', account })],
    [2, () => ({ kind: 'forgetDevices', connection, share: dice.random() })],
    [2, () => ({ kind: 'brokerAway', forMs: Math.round(dice.scaled(300, 300_000)) })],
    [2, () => ({ kind: 'brokerReset' })],
    [2, () => ({ kind: 'diskFull', forMs: briefMs, ms: 0 })],
    [1, () => ({ kind: 'diskSlow', forMs: briefMs, ms: Math.round(dice.scaled(20, 3_000)) })],
    [1, () => ({ kind: 'diskError', writes: dice.whole(1, 4) })],
    [
      7,
      () => ({
        kind: 'crash',
        ending: dice.isLucky(0.7) ? 'kill' : 'powerLoss',
        calls: Math.floor(dice.scaled(1, 60)) - 1,
        forMs: downMs,
        again: dice.weighted([
          [7, 0],
          [2, 1],
          [1, 3],
        ] as const),
      }),
    ],
    [2, () => ({ kind: 'stop', forMs: downMs })],
    [2, () => ({ kind: 'clockStep', ms: Math.round(dice.scaled(500, 7_200_000)) * dice.pick([1, -1]) })],
    [1, () => ({ kind: 'passwordChanged', account, forMs: briefMs })],
    [1, () => ({ kind: 'definitionsLost', forMs: briefMs })],
    [1, () => ({ kind: 'licenceExpired', account, forMs: briefMs })],
    [
      6,
      () => ({
        kind: 'definition',
        change: dice.pick<DefinitionChange>([
          'wrongPassword',
          'wrongPassword',
          'inactive',
          'invalid',
          'restart',
          'rename',
          'project',
          'format',
          'topics',
          'same',
          ...(connections.length > 1 ? (['deleted'] as const) : []),
        ]),
        connection,
        forMs: briefMs,
      }),
    ],
  ]);
  return draw();
}

function drawHereFault(dice: Dice, email: string): WithoutTime<PlannedFault> {
  const share = dice.pick([1, 1, 0.5, 0.2]);
  const here = (fault: HereFault, mostMs: number): WithoutTime<PlannedFault> => ({
    kind: 'here',
    forMs: Math.round(dice.scaled(300, mostMs)),
    fault,
  });
  const draw = dice.weighted<() => WithoutTime<PlannedFault>>([
    [3, () => here({ kind: 'away', email: null, share: 1 }, 900_000)],
    [2, () => here({ kind: 'hang', email: dice.pick([null, email]), share }, 100_000)],
    [2, () => here({ kind: 'slow', email: null, share, ms: Math.round(dice.scaled(500, 20_000)) }, 200_000)],
    [1, () => here({ kind: 'resetBefore', email: null, share }, 100_000)],
    [2, () => here({ kind: dice.pick(['resetAfter', 'half']), email: null, share }, 100_000)],
    [1, () => here({ kind: 'garbage', email: null, share }, 100_000)],
    [1, () => here({ kind: 'forbidden', email, share }, 100_000)],
    [1, () => here({ kind: 'unauthorized', email, share }, 20_000)],
    [1, () => here({ kind: 'jobs', email: null, share, status: dice.pick([500, 503]) }, 60_000)],
    [3, () => drawStatus(dice, here, share, email)],
  ]);
  return draw();
}

/**
 * A host that answers its health well and refuses all else for longer than a connection stays open leaves it to the reconnect
 * strategy to try again: such faults are shorter here, since nobody promises thirty seconds then.
 */
function drawStatus(
  dice: Dice,
  here: (fault: HereFault, mostMs: number) => WithoutTime<PlannedFault>,
  share: number,
  ofAccount: string,
): WithoutTime<PlannedFault> {
  const status = dice.pick([429, 429, 500, 502, 503, 408] as const);
  const email = dice.pick([null, ofAccount]);
  const retryAfterS = dice.pick([null, null, dice.whole(1, 60)]);
  const fault: HereFault = {
    kind: 'status',
    email,
    share,
    status,
    retryAfterS,
    asDate: dice.isLucky(0.3),
    isTaken: dice.isLucky(0.1),
  };
  return here(fault, email === null && status !== 429 ? 900_000 : 150_000);
}
