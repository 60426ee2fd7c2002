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

export async function trace(settings: BenchSettings): Promise<readonly Figure[]> {
  settings.say('  the trail');
  const trail = await withAndWithout('trail.ts', settings);
  settings.say('  secure_delete');
  const erasure = await withAndWithout('secure-delete.ts', settings);
  return [
    // By CPU time, which the bridge's rate follows and which other load on the machine moves less.
    { name: 'trace.cpu', value: trail.cpu, unit: '× the CPU time without', must: 'atMost', bar: MOST },
    { name: 'trace.rate', value: trail.rate, unit: 'of the rate without', must: 'atLeast', bar: null },
    { name: 'secure-delete.cpu', value: erasure.cpu, unit: '× the CPU time without', must: 'atMost', bar: null },
  ];
}

async function withAndWithout(left: string, { pairs, uplinks, say }: BenchSettings): Promise<Compared> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'here-bridge-bench-'));
  const children: Stoppable[] = [];
  try {
    const here = await startPeer(children);
    /** A bridge with a broker of its own: both would be the same client. */
    const bridge = async (name: string, nodeArgs: readonly string[]): Promise<() => Promise<Round>> => {
      const own = path.join(folder, name);
      mkdirSync(own);
      const { url } = await startMosquitto(own, 1_000, children);
      const brokers = { main: { kind: 'mqtt', url } };
      const worker = await startWorker(own, here, { brokers }, children, undefined, nodeArgs);
      await openConnection(worker, here);
      return () => restAndDrain(worker, url, here, uplinks ?? 100_000);
    };
    const measured = await bridge('with', []);
    const plain = await bridge('without', ['--import', path.join(import.meta.dirname, 'without', left)]);
    return await inTurns({ measured, plain, pairs: pairs ?? 5, say });
  } finally {
    for (const child of children.reverse()) await child.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}
