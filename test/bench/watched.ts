// console and events: the bridge's rate while people watch ÷ its rate when nobody does, in turns.
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { BenchSettings, Figure } from './bench.ts';
import type { Round } from './drain.ts';
import { adminOf, type Stoppable, startWorker } from './kafka-stack.ts';
import { start } from './process.ts';
import { openConnection, startMosquitto, startPeer } from './stack.ts';
import { type Compared, inTurns, restAndDrain } from './turns.ts';

interface Got {
  readonly streams: number;
  readonly bytes: number;
  readonly answers: number;
  /** Path and status or error → how often. */
  readonly refused: Readonly<Record<string, number>>;
}

/** 20 live pages of the console. */
export async function consoles(settings: BenchSettings): Promise<readonly Figure[]> {
  const { rate } = await watched('pages', 20, settings);
  return [{ name: 'console', value: rate, unit: 'of the rate with no page open', must: 'atLeast', bar: 0.95 }];
}

/** 200 listeners of the event stream. */
export async function listeners(settings: BenchSettings): Promise<readonly Figure[]> {
  const { rate } = await watched('listeners', 200, settings);
  return [{ name: 'events', value: rate, unit: 'of the rate with no listener', must: 'atLeast', bar: 0.95 }];
}

async function watched(kind: 'listeners' | 'pages', count: number, settings: BenchSettings): Promise<Compared> {
  const { uplinks, pairs, profileDir, say } = settings;
  const folder = mkdtempSync(path.join(os.tmpdir(), 'here-bridge-bench-'));
  const children: Stoppable[] = [];
  try {
    const broker = (await startMosquitto(folder, 1_000, children)).url;
    const here = await startPeer(children);
    const worker = await startWorker(folder, here, { brokers: { main: { kind: 'mqtt', url: broker } } }, children, {
      profileDir: profileDir ?? undefined,
    });
    await openConnection(worker, here);
    const { url, token } = adminOf(path.join(folder, 'data'));
    const program = path.join(import.meta.dirname, 'watchers.ts');
    const watchers = start(process.execPath, [program, url, token, kind, String(count)]);
    children.push(watchers);
    await watchers.line();
    const plain = (): Promise<Round> => restAndDrain(worker, broker, here, uplinks ?? 150_000);
    const measured = async (): Promise<Round> => {
      watchers.send('open');
      await watchers.line();
      const round = await plain();
      watchers.send('close');
      const { streams, bytes, answers, refused } = JSON.parse(await watchers.line()) as Got;
      if (streams < count || bytes === 0) throw new Error(`only ${streams} of ${count} streams told ${bytes} bytes`);
      const unanswered = Object.entries(refused).map(([question, times]) => `${question} (${times} ×)`);
      if (unanswered.length > 0) throw new Error(`questions of the pages had no answer: ${unanswered.join(', ')}`);
      say(`  ${streams} streams told ${Math.round(bytes / 1000)} kB, ${answers} answers`);
      return round;
    };
    return await inTurns({ measured, plain, pairs: pairs ?? 5, say });
  } finally {
    for (const child of children.reverse()) await child.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}
