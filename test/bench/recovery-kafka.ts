// recovery-kafka: HERE is away while uplinks gather in Kafka; once it is back, how much of what is permitted is used, from the first
// uplink that HERE takes. Permitted is HERE's limit, and of it what the ramp after an outage leaves: a tenth at first, all after a
// minute (`rampMs`). The ramp begins with HERE's first good answer, whatever was asked: it is reckoned from HERE's return on, which
// is the earliest that it can be, so that the share is rather too low.
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { BenchSettings, Figure } from './bench.ts';
import { load, makeTopic, type Stoppable, startKafka, startWorker } from './kafka-stack.ts';
import { median, until } from './process.ts';
import { ask, limitUsed, openConnection, setFaults, startLimitedSandbox } from './stack.ts';

const UPLINKS = 'uplinks';
const REQUESTS_PER_SECOND = 50;
const RECORDS = 10;
const OUTAGE_MS = 30_000;
/** `rampMs` of a service, by default. */
const RAMP_S = 60;
const RAMP_FROM = 0.1;
const ROUNDS = 3;

/** Requests within the minute that begins so many seconds after the ramp. */
function permitted(afterS: number): number {
  const begun = RAMP_FROM + (1 - RAMP_FROM) * Math.min(1, afterS / RAMP_S);
  const rampedS = Math.max(0, RAMP_S - afterS);
  return REQUESTS_PER_SECOND * (rampedS * ((begun + 1) / 2) + (RAMP_S - rampedS));
}

export async function recoveryKafka({ say }: BenchSettings): Promise<readonly Figure[]> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'here-bridge-bench-'));
  const children: Stoppable[] = [];
  try {
    const brokers = await startKafka(folder, children);
    await makeTopic(brokers, UPLINKS, 4);
    const here = await startLimitedSandbox(REQUESTS_PER_SECOND, children);
    const services = { sandbox: { url: here.url, maxRecords: RECORDS } };
    const settings = {
      brokers: { main: { kind: 'kafka', bootstrap: brokers.split(',') } },
      topics: { prefix: 'bridge' },
      here: { defaultService: 'sandbox', services },
    };
    const worker = await startWorker(path.join(folder, 'bridge'), here, settings, children);
    await openConnection(worker, here, { source: { topics: [UPLINKS] } });
    const accepted = async (): Promise<number> =>
      (await ask<{ acceptedRecords: number }>(here, '/sandbox/stats')).acceptedRecords;
    // Enough for the measurement and what comes before it, each time.
    const uplinks = REQUESTS_PER_SECOND * RECORDS * RAMP_S;
    const used: number[] = [];
    let published = 0;
    for (let round = 1; round <= ROUNDS; round++) {
      await setFaults(here, [{ name: '503' }]);
      const goneAt = performance.now();
      await load(brokers, UPLINKS, { devices: 2_000, uplinks, payloadBytes: 1_500 });
      published += uplinks;
      await new Promise((resolve) => setTimeout(resolve, OUTAGE_MS - (performance.now() - goneAt)));
      const before = await accepted();
      await setFaults(here, []);
      const healedAt = performance.now();
      await until('HERE takes uplinks again', 60_000, async () => (await accepted()) > before);
      const pause = performance.now() - healedAt;
      const { accepted: requests, limited, seconds } = await limitUsed(here, RAMP_S);
      used.push(requests / permitted(pause / 1000));
      say(
        `  round ${round}: again after ${(pause / 1000).toFixed(1)} s, then ${requests} requests accepted, ${limited} refused in ${seconds.toFixed(1)} s`,
      );
      await until('all uplinks arrive', 120_000, async () => (await accepted()) >= published);
    }
    return [{ name: 'recovery-kafka', value: median(used), unit: 'of the permitted rate', must: 'atLeast', bar: 0.9 }];
  } finally {
    for (const child of children.reverse()) await child.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}
