// trace: what it costs to remember each uplink's way, and that SQLite overwrites what it deletes: the whole bridge with and
// without, in turns. What is left out is taken out by a module loaded before the bridge (`without/`).
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { BenchSettings, Figure } from './bench.ts';
import type { Round } from './drain.ts';
import { type Stoppable, startWorker } from './kafka-stack.ts';
import { openConnection, startMosquitto, startPeer } from './stack.ts';
import { type Compared, inTurns, restAndDrain } from './turns.ts';

/** Throughput may fall by 3 %, which an uplink that costs 3 % more comes to. */
const MOST = 1.03;
/** Single pairs differ by several per cent. */
const TRAIL_PAIRS = 11;

export async function trace(settings: BenchSettings): Promise<readonly Figure[]> {
  settings.say('  the trail');
  const trail = await trailOnAndOff(settings);
  settings.say('  secure_delete');
  const erasure = await withAndWithout('secure-delete.ts', settings);
  return [
    // By CPU time, which the bridge's rate follows and which other load on the machine moves less.
    { name: 'trace.cpu', value: trail.cpu, unit: '× the CPU time without', must: 'atMost', bar: MOST },
    { name: 'trace.rate', value: trail.rate, unit: 'of the rate without', must: 'atLeast', bar: null },
    { name: 'secure-delete.cpu', value: erasure.cpu, unit: '× the CPU time without', must: 'atMost', bar: null },
  ];
}

/**
 * One bridge that leaves the trail out every other drain. Two processes of one program differ by more than the trail costs: by how
 * the engine happened to compile each.
 */
function trailOnAndOff({ pairs, ...settings }: BenchSettings): Promise<Compared> {
  return amongBridges(settings, async (bridge) => {
    const { pid, drain } = await bridge('switched', withoutModule('trail.ts'));
    let isOn = true;
    const turned = (on: boolean): Promise<Round> => {
      if (on !== isOn) process.kill(pid, 'SIGUSR2');
      isOn = on;
      return drain();
    };
    return inTurns({
      measured: () => turned(true),
      plain: () => turned(false),
      pairs: pairs ?? TRAIL_PAIRS,
      say: settings.say,
    });
  });
}

function withAndWithout(left: string, { pairs, ...settings }: BenchSettings): Promise<Compared> {
  return amongBridges(settings, async (bridge) => {
    const measured = await bridge('with', []);
    const plain = await bridge('without', withoutModule(left));
    return inTurns({ measured: measured.drain, plain: plain.drain, pairs: pairs ?? 5, say: settings.say });
  });
}

interface Bridge {
  readonly pid: number;
  readonly drain: () => Promise<Round>;
}

/** Lets `compare` start bridges, each with a broker of its own: two of one broker would be the same client. */
async function amongBridges(
  { uplinks }: Pick<BenchSettings, 'uplinks'>,
  compare: (bridge: (name: string, nodeArgs: readonly string[]) => Promise<Bridge>) => Promise<Compared>,
): Promise<Compared> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'here-bridge-bench-'));
  const children: Stoppable[] = [];
  try {
    const here = await startPeer(children);
    return await compare(async (name, nodeArgs) => {
      const own = path.join(folder, name);
      mkdirSync(own);
      const { url } = await startMosquitto(own, 1_000, children);
      const brokers = { main: { kind: 'mqtt', url } };
      const worker = await startWorker(own, here, { brokers }, children, { nodeArgs });
      await openConnection(worker, here);
      return { pid: worker.child.pid, drain: () => restAndDrain(worker, url, here, uplinks ?? 100_000) };
    });
  } finally {
    for (const child of children.reverse()) await child.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

function withoutModule(name: string): readonly string[] {
  return ['--import', path.join(import.meta.dirname, 'without', name)];
}
