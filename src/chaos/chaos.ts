// Chaos: rounds of real processes under random faults, judged by books of its own. The same seed draws the same faults.
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describeError } from '../domain/errors.ts';
import { findMosquitto } from './mosquitto.ts';
import { dataDirOf, impossible, type RoundResult, runRound } from './round.ts';
import { type BrokerKind, drawSchedule, type RoundPlan } from './schedule.ts';
import { SmallDisk } from './small-disk.ts';
import { Tally, type Verdict } from './verdict.ts';

export interface ChaosOptions {
  readonly rounds: number;
  readonly seed: number;
  /** Uplinks a round. */
  readonly uplinks: number;
  /** null: both, Mosquitto only where it is installed. */
  readonly broker: BrokerKind | null;
  /** Runs only these rounds of the schedule (counted from 1, both ends included); null: all. */
  readonly only: { readonly from: number; readonly to: number } | null;
  /** Keeps logs and data of every round, not only of those that failed. */
  readonly keep: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Ends the run after the round under way is cleaned up. */
  readonly signal: AbortSignal;
  /** Lines for people. */
  say(line: string): void;
}

const SMALL_DISK_MB = 96;

/** Rejects when the stack does not come up at all, or Mosquitto was asked for and is not installed. */
export async function runChaos(options: ChaosOptions): Promise<Verdict> {
  const { seed, rounds, signal, env, say } = options;
  const only = options.only ?? { from: 1, to: rounds };
  const folder = mkdtempSync(path.join(os.tmpdir(), 'here-bridge-chaos-'));
  const mosquitto = findMosquitto(env);
  const disk = SmallDisk.mount(path.join(folder, 'disk'), SMALL_DISK_MB, (reason) => {
    say(`diskFull is left out: ${reason}`);
  });
  const tally = new Tally(only.to - only.from + 1, seed);
  let isKept = options.keep;
  try {
    const brokers = brokersOf(options.broker, mosquitto, say);
    const plans = drawSchedule({ seed, rounds, brokers, without: impossible(disk) });
    for (const [index, plan] of plans.entries()) {
      if (signal.aborted) break;
      if (index + 1 < only.from || index + 1 > only.to) continue;
      const dir = path.join(folder, `round-${index + 1}`);
      const startedAt = performance.now();
      const result = await runRound({ plan, dir, disk, mosquitto, uplinks: options.uplinks, env, signal });
      tally.add(result);
      describe(index + 1, rounds, plan, result, performance.now() - startedAt, say);
      const keeps = options.keep || !tally.isGood(result);
      isKept ||= keeps;
      if (keeps) say(`  its logs and data are kept: ${dir}`);
      clear(dir, disk, keeps);
    }
  } catch (error) {
    isKept = true;
    say(`${describeError(error)} (${folder})`);
    throw error;
  } finally {
    disk?.unmount();
    if (!isKept) rmSync(folder, { recursive: true, force: true });
  }
  return tally.verdict();
}

/** What is kept leaves the small disk, which goes with the run. */
function clear(dir: string, disk: SmallDisk | null, keeps: boolean): void {
  if (disk !== null) {
    const data = dataDirOf(dir, disk);
    if (keeps) cpSync(data, path.join(dir, 'data'), { recursive: true });
    rmSync(data, { recursive: true, force: true });
  }
  if (!keeps) rmSync(dir, { recursive: true, force: true });
}

function brokersOf(wanted: BrokerKind | null, mosquitto: string | null, say: (line: string) => void): BrokerKind[] {
  if (wanted === 'embedded') return ['embedded'];
  if (mosquitto === null) {
    if (wanted === 'mosquitto') throw new Error('Mosquitto is not installed');
    say('Mosquitto is not installed: all rounds use the embedded broker');
    return ['embedded'];
  }
  return wanted === 'mosquitto' ? ['mosquitto'] : ['mosquitto', 'embedded'];
}

function describe(
  number: number,
  of: number,
  plan: RoundPlan,
  result: RoundResult,
  ms: number,
  say: (line: string) => void,
): void {
  const all = Object.values(result.judgements);
  const sum = (of: (each: (typeof all)[number]) => number): number => all.reduce((total, each) => total + of(each), 0);
  const recovery = result.recoveryMs.map((each) => (each === null ? 'never' : `${(each / 1000).toFixed(1)} s`));
  const faults = plan.faults.map(({ kind, startMs, durationMs }) => {
    return `${kind} ${(startMs / 1000).toFixed(1)}+${(durationMs / 1000).toFixed(1)}`;
  });
  say(
    [
      `round ${number}/${of} ${setting(plan)}: ${faults.join(', ')}`,
      `  ${sum((each) => each.acknowledged)} acknowledged, ${sum((each) => each.delivered)} delivered, ${sum((each) => each.elsewhere)} elsewhere, ` +
        `${sum((each) => each.replayed)} from dead letters, ` +
        `${sum((each) => each.missing.length)} missing, ${sum((each) => each.brokerLost)} lost by the broker, ` +
        `${sum((each) => each.duplicates)} duplicates, ${sum((each) => each.outOfOrder)} out of order, ${result.kills} kills; ` +
        `recovered in ${recovery.join(', ')}; ${(ms / 1000).toFixed(0)} s`,
    ].join('\n'),
  );
  const { commands } = result;
  say(
    `  commands: ${commands.desired} desired, ${commands.received} received, ${commands.superseded} superseded, ${commands.missing.length} missing, ` +
      `${commands.hereLost} forgotten by HERE, ${commands.brokerLost} lost by the broker, ${commands.duplicates} duplicates`,
  );
  for (const each of commands.missing.slice(0, 10)) say(`  MISSING command: ${each}`);
  for (const each of commands.unexplained.slice(0, 10)) say(`  UNEXPLAINED command: ${each}`);
  for (const each of commands.imbalances) say(`  UNBALANCED commands of ${each}`);
  for (const [id, { missing, imbalances, ledger }] of Object.entries(result.judgements)) {
    for (const imbalance of imbalances) say(`  UNBALANCED ${id}: ${imbalance}`);
    for (const key of missing.slice(0, 10)) say(`  MISSING ${id}: ${key}`);
    if (missing.length + imbalances.length > 0) say(`  the ledger of ${id}: ${JSON.stringify(ledger)}`);
    if (missing.length > 10) say(`  MISSING ${id}: and ${missing.length - 10} more`);
  }
  for (const alarm of result.alarms) say(`  ALARM: ${alarm}`);
  for (const remark of result.remarks) say(`  ${remark}`);
}

function setting(plan: RoundPlan): string {
  const { broker, load, mqttVersion, windowMaxBytes, closeAfterMs, hereRequestsPerSecond } = plan;
  const parts = [
    broker === 'mosquitto' ? `mosquitto (MQTT ${mqttVersion === 5 ? '5' : '3.1.1'})` : broker,
    ...(load === 1 ? [] : [`${load} times the load`]),
    ...(windowMaxBytes <= 1024 * 1024 ? ['small window'] : []),
    ...(closeAfterMs < 60_000 ? ['closes soon'] : []),
    ...(hereRequestsPerSecond === null ? [] : [`${hereRequestsPerSecond} requests/s`]),
  ];
  return parts.join(', ');
}
