// peers: the same job done by the bridge, Node-RED and Benthos (the engine under Bento), in turns: the same broker, the same HERE,
// the same uplinks, batches of the same size. And what each lost when it was killed, and when HERE said 503 or nothing for 2 s.
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { BenchSettings, Figure } from '../bench.ts';
import { drained, type Round, told } from '../drain.ts';
import type { Stoppable } from '../kafka-stack.ts';
import { load } from '../mqtt-drain.ts';
import { median, until } from '../process.ts';
import { ask, startMosquitto } from '../stack.ts';
import { bridge, type Contender, others, type Stage } from './contenders.ts';
import { FAULTS, type Fault, lostIn } from './losses.ts';
import { freezeAndLoad, LOAD } from './waiting.ts';

const WINDOW = 1_000;
const DRAIN_MS = 120_000;

interface Seen {
  readonly contender: Contender;
  readonly rounds: Round[];
  readonly lost: Map<Fault, number>;
}

export async function peers(settings: BenchSettings): Promise<readonly Figure[]> {
  const { say } = settings;
  const folder = mkdtempSync(path.join(os.tmpdir(), 'here-bridge-bench-'));
  const children: Stoppable[] = [];
  try {
    const broker = (await startMosquitto(folder, WINDOW, children)).url;
    const stage: Stage = { folder, broker, children, say };
    const contenders = [await bridge(stage)];
    for (const other of await others(stage)) {
      if ('missing' in other) settings.leaveOut(`peers.${other.name}`, other.missing);
      else contenders.push(other);
    }
    const all: Seen[] = contenders.map((contender) => ({ contender, rounds: [], lost: new Map() }));
    for (const { contender } of all) {
      await contender.start();
      await untilItListens(contender, broker);
    }
    // The first round warms all up: devices are created, code is compiled.
    for (let turn = 0; turn <= (settings.pairs ?? 5); turn++) {
      for (const { contender, rounds } of all) {
        const round = await drain(contender, broker, settings.uplinks ?? 60_000);
        if (turn === 0) continue;
        rounds.push(round);
        say(`  ${turn} ${contender.name.padEnd(8)} ${told(round)}`);
      }
    }
    for (const fault of FAULTS) {
      for (const { contender, lost } of all) lost.set(fault, await lostIn(fault, contender, broker));
      const losses = all.map(({ contender, lost }) => `${contender.name} ${lost.get(fault)}`).join(', ');
      say(`  lost, ${fault}: ${losses}`);
    }
    return figuresOf(all);
  } finally {
    for (const child of children.reverse()) await child.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

function figuresOf([first, ...rest]: readonly Seen[]): readonly Figure[] {
  if (first === undefined) return [];
  const lostBy = (seen: Seen): number => [...seen.lost.values()].reduce((sum, lost) => sum + lost, 0);
  const unit = 'uplinks in three faults';
  const own: Figure = { name: 'peers.lost', value: lostBy(first), unit, must: 'atMost', bar: 0 };
  return [
    own,
    ...rest.flatMap((other): Figure[] => {
      const ratio = (of: (round: Round) => number): number =>
        median(first.rounds.map((round, turn) => of(round) / of(other.rounds[turn] as Round)));
      const { name } = other.contender;
      const isNodeRed = name === 'node-red';
      const rate = ratio((round) => round.rate);
      const cpu = ratio((round) => round.cpuPer100k);
      const bar = (value: number): number | null => (isNodeRed ? value : null);
      return [
        { name: `peers.${name}.rate`, value: rate, unit: '× its rate', must: 'atLeast', bar: bar(2.5) },
        { name: `peers.${name}.cpu`, value: cpu, unit: '× its CPU time', must: 'atMost', bar: bar(0.4) },
        { name: `peers.${name}.lost`, value: lostBy(other), unit, must: 'atMost', bar: null },
      ];
    }),
  ];
}

/** Its session is at the broker, and what is published goes through it. */
async function untilItListens(contender: Contender, broker: string): Promise<void> {
  const { here } = contender;
  const before = await ask<Stats>(here, '/sandbox/stats');
  await until(`${contender.name} passes an uplink on`, 60_000, async () => {
    await load(broker, contender.topicPattern, { ...LOAD, uplinks: 1 });
    await new Promise((resolve) => setTimeout(resolve, 300));
    return (await ask<Stats>(here, '/sandbox/stats')).acceptedRecords > before.acceptedRecords;
  });
}

interface Stats {
  readonly acceptedRecords: number;
}

/** Uplinks wait for it in its session while it is frozen. */
async function drain(contender: Contender, broker: string, uplinks: number): Promise<Round> {
  await freezeAndLoad(contender, broker, uplinks);
  const pid = contender.pid();
  const records = async (): Promise<number> => (await ask<Stats>(contender.here, '/sandbox/stats')).acceptedRecords;
  return drained(pid, uplinks, records, () => void process.kill(pid, 'SIGCONT'), DRAIN_MS);
}
