// recovery: how soon an uplink of a device without a backlog is at HERE after the last fault is gone. Each fault lasts an hour by the
// worker's clock, which is moved on in steps, so that every pause between attempts is as long as it can become; from the end of
// the fault on, time is real. What came meanwhile waits, and HERE's limit lets it go for longer than the bar.
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import mqtt from 'mqtt';
import { Link } from '../../src/chaos/link.ts';
import { systemClock } from '../../src/ops/clock.ts';
import { createPaddedFleet } from '../../src/sandbox/fleet/padding.ts';
import { startFleetPublisher } from '../../src/sandbox/fleet/publisher.ts';
import type { BenchSettings, Figure } from './bench.ts';
import { type Here, type Stoppable, startWorker } from './kafka-stack.ts';
import { until } from './process.ts';
import { ask, openConnection, setFaults, startLimitedSandbox, startMosquitto } from './stack.ts';

const program = path.join(import.meta.dirname, 'jumping-worker.ts');

const STEP_MS = 30_000;
const STEPS = 120;
/** Real time for each step: attempts that are due are made, and fail. */
const STEP_TAKES_MS = 125;
/** Sockets have time-outs of their own, which do not move with the worker's clock. */
const REAL_MS = 60_000;
const RECORDS = 20;
const REQUESTS_PER_SECOND = 50;
/** For a minute and a half at HERE's limit. */
const BACKLOG = 90_000;
const DEVICES = 2_000;
const FRESH = 20;
const ROUNDS = 3;

interface Stage {
  readonly here: Here;
  readonly broker: string;
  readonly hereLink: Link;
  readonly brokerLink: Link;
}

interface Fault {
  readonly name: string;
  /** Connections are left that wait for an answer. */
  readonly swallows: boolean;
  begin(stage: Stage): Promise<void> | void;
  end(stage: Stage): Promise<void> | void;
}

const FAULTS: readonly Fault[] = [
  {
    name: 'HERE answers 503',
    swallows: false,
    begin: ({ here }) => setFaults(here, [{ name: '503' }]),
    end: ({ here }) => setFaults(here, []),
  },
  {
    name: 'HERE swallows everything',
    swallows: true,
    begin: ({ hereLink }) => hereLink.freeze(true),
    end: ({ hereLink }) => hereLink.thaw(),
  },
  {
    name: 'the broker swallows everything',
    swallows: true,
    begin: ({ brokerLink }) => brokerLink.freeze(true),
    end: ({ brokerLink }) => brokerLink.thaw(),
  },
];

export async function recovery({ say }: BenchSettings): Promise<readonly Figure[]> {
  const all: number[] = [];
  for (const fault of FAULTS) {
    const took: number[] = [];
    for (let n = 0; n < ROUNDS; n++) took.push(await measure(fault));
    say(`  ${fault.name} for an hour: ${took.map((ms) => (ms / 1000).toFixed(1)).join(', ')} s`);
    all.push(...took);
  }
  // Not a median: whoever waits for the end of an outage waits for this one.
  const value = Math.max(...all) / 1000;
  return [{ name: 'recovery', value, unit: 's at most, after three faults', must: 'atMost', bar: 30 }];
}

/** ms from the end of the fault until the last of the fresh devices' uplinks was accepted. */
async function measure(fault: Fault): Promise<number> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'here-bridge-bench-'));
  const children: Stoppable[] = [];
  try {
    const broker = (await startMosquitto(folder, 1_000, children)).url;
    const here = await startLimitedSandbox(REQUESTS_PER_SECOND, children);
    const [hereLink, brokerLink] = [await linkTo(here.url), await linkTo(broker)];
    children.push(hereLink, brokerLink);
    const services = { sandbox: { url: `http://127.0.0.1:${hereLink.port}`, maxRecords: RECORDS } };
    const brokers = { main: { kind: 'mqtt', url: `mqtt://127.0.0.1:${brokerLink.port}` } };
    const settings = { brokers, here: { defaultService: 'sandbox', services }, log: { level: 'error' } };
    const worker = await startWorker(folder, here, settings, children, { program });
    await openConnection(worker, here);
    const stage = { here, broker, hereLink, brokerLink };

    // All of them have been heard before.
    await publish(broker, DEVICES);
    await publishFresh(broker);
    await until('HERE knows all devices', 60_000, async () => {
      return (await ask<{ acceptedRecords: number }>(here, '/sandbox/stats')).acceptedRecords >= DEVICES + FRESH;
    });

    await fault.begin(stage);
    const published = publish(broker, BACKLOG);
    for (let n = 0; n < STEPS; n++) {
      worker.child.send(`jump ${STEP_MS}`);
      await worker.child.line();
      await new Promise((resolve) => setTimeout(resolve, STEP_TAKES_MS));
    }
    await published;
    if (fault.swallows) await new Promise((resolve) => setTimeout(resolve, REAL_MS));
    await fault.end(stage);
    const healedAt = Date.now();
    const devices = await publishFresh(broker);
    return (await lastArrival(here, devices, healedAt)) - healedAt;
  } finally {
    for (const child of children.reverse()) await child.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function publish(brokerUrl: string, total: number): Promise<void> {
  const size = { seed: 1, devices: DEVICES, payloadBytes: 1_500 };
  await startFleetPublisher({ brokerUrl, ...size, ratePerSecond: 6_000, total, clock: systemClock }).done;
}

async function linkTo(url: string): Promise<Link> {
  const link = new Link({ targetPort: Number(new URL(url).port) });
  await link.start();
  return link;
}

/** One uplink of each of the devices; resolves when the broker has them. */
async function publishFresh(brokerUrl: string): Promise<readonly string[]> {
  const fleet = createPaddedFleet({ seed: 2, devices: FRESH, payloadBytes: 1_500, euiPrefix: '70B3D5FF' });
  const client = await mqtt.connectAsync(brokerUrl);
  const messages = Array.from({ length: FRESH }, () => fleet.next(Date.now()));
  await Promise.all(messages.map(({ topic, payload }) => client.publishAsync(topic, payload, { qos: 1 })));
  await client.endAsync();
  return messages.map(({ devEui }) => devEui);
}

/** When HERE took the last of their uplinks, ms since the epoch. */
async function lastArrival(here: Here, devices: readonly string[], since: number): Promise<number> {
  const arrived = new Map<string, number>();
  await until('the fresh uplinks arrive', 180_000, async () => {
    for (const device of devices) {
      if (arrived.has(device)) continue;
      const { records } = await ask<{ records: { receivedAt: number }[] }>(here, `/sandbox/received?device=${device}`);
      const receivedAt = records.find((record) => record.receivedAt >= since)?.receivedAt;
      if (receivedAt === undefined) return false;
      arrived.set(device, receivedAt);
    }
    return true;
  });
  return Math.max(...arrived.values());
}
