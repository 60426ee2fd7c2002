// start: from the start of the process until HERE has the first uplink, which waited in the broker's session meanwhile. In turns:
// the bridge as an image has it, built, and its sources as a clone has them.
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { systemClock } from '../../src/ops/clock.ts';
import { startFleetPublisher } from '../../src/sandbox/fleet/publisher.ts';
import { buildBridge } from '../support/built-bridge.ts';
import { launcher } from '../support/cli.ts';
import { type Stoppable, startWorker } from './kafka-stack.ts';
import { cpuSeconds, median, until } from './process.ts';
import { ask, openConnection, startMosquitto, startPeer } from './stack.ts';

export interface StartResult {
  /** Medians. */
  readonly built: number;
  readonly sources: number;
}

export async function startUp(options: { readonly rounds: number }, say: (line: string) => void): Promise<StartResult> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'here-bridge-bench-'));
  const children: Stoppable[] = [];
  try {
    const programs = { built: buildBridge(path.join(folder, 'image')), sources: launcher };
    const broker = (await startMosquitto(folder, 1_000, children)).url;
    const here = await startPeer(children);
    const settings = { brokers: { main: { kind: 'mqtt', url: broker } } };
    const first = await startWorker(folder, here, settings, children);
    await openConnection(first, here);
    await first.child.stop();
    const measured = { built: [] as number[], sources: [] as number[] };
    for (let round = 1; round <= options.rounds; round++) {
      for (const name of ['built', 'sources'] as const) {
        await publish(broker);
        const { acceptedRecords } = await ask<{ acceptedRecords: number }>(here, '/sandbox/stats');
        const startedAt = performance.now();
        const starting = startWorker(folder, here, settings, children, { program: programs[name] });
        await until('the first uplink arrives', 60_000, async () => {
          return (await ask<{ acceptedRecords: number }>(here, '/sandbox/stats')).acceptedRecords > acceptedRecords;
        });
        measured[name].push((performance.now() - startedAt) / 1000);
        const { child } = await starting;
        say(
          `  round ${round}, ${name}: ${measured[name].at(-1)?.toFixed(2)} s, ${cpuSeconds(child.pid).toFixed(2)} s of CPU time`,
        );
        await child.stop();
      }
    }
    return { built: median(measured.built), sources: median(measured.sources) };
  } finally {
    for (const child of children.reverse()) await child.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function publish(brokerUrl: string): Promise<void> {
  const load = { seed: 1, devices: 50, ratePerSecond: 1_000, total: 100, payloadBytes: 1_500 };
  await startFleetPublisher({ brokerUrl, ...load, clock: systemClock }).done;
}
