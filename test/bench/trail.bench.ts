// What remembering each uplink's way costs: the line with and without its trail, in alternating rounds of one process.
//
// node test/bench/trail.bench.ts [rounds]: prints CPU seconds per 100,000 uplinks of both, and the share that the trail takes.
// The line here has neither a broker's socket nor a disk, so its share of a whole bridge is smaller.
import type { Connection } from '../../src/domain/connection.ts';
import type { BrokerMessage } from '../../src/domain/ports/broker.ts';
import type { JournalEntry, Settlement } from '../../src/domain/ports/store.ts';
import { systemChance, systemClock } from '../../src/ops/clock.ts';
import { Circuits } from '../../src/uplink/circuit.ts';
import { compilePrepare } from '../../src/uplink/prepare.ts';
import { Trail } from '../../src/uplink/trail.ts';
import { UplinkFlow } from '../../src/uplink/uplink-flow.ts';
import { ModelConnectionStore } from '../support/fakes/model-store.ts';
import { modelProject } from '../support/model-project.ts';

const UPLINKS = 40_000;
const DEVICES = 5_000;
const CHUNK = 40;
const rounds = Number(process.argv[2] ?? 8);

/** A journal that keeps nothing. */
class NoStore extends ModelConnectionStore {
  #seq = 0;
  settled = 0;
  override append(entries: readonly JournalEntry[], done: (error: Error | null) => void): number {
    const first = this.#seq + 1;
    this.#seq += entries.length;
    queueMicrotask(() => done(null));
    return first;
  }
  override settle(settlements: readonly Settlement[] = []): void {
    this.settled += settlements.length;
  }
}

const connection = {
  format: 'enveloped',
  uplinkTimeValidityMs: null,
  source: { broker: 'main', topics: [], topicPattern: null, matchers: [], from: 'now' },
} as unknown as Connection;

function messages(): BrokerMessage[] {
  const pad = 'x'.repeat(1200);
  return Array.from({ length: UPLINKS }, (_, n) => {
    const device = `70B3D5${String(n % DEVICES).padStart(10, '0')}`;
    const body = {
      Time: new Date(1.75e12 + n).toISOString(),
      DevEUI: device,
      FPort: 5,
      FCntUp: n,
      payload_hex: '00',
      payload: { temperature: 20.5 },
      Pad: pad,
    };
    const payload = Buffer.from(JSON.stringify({ DevEUI_uplink: body }));
    return { topic: `mqtt/things/${device}/uplink`, payload, qos: 1, retain: false, dup: false, arrivedAt: Date.now() };
  });
}

async function round(all: readonly BrokerMessage[], trail: Trail): Promise<number> {
  const store = new NoStore('a', 1e12, new Map());
  const project = { ...modelProject({}), send: async () => ({ kind: 'accepted', requestId: 'r' }) as const };
  const flow = new UplinkFlow({
    connectionId: 'a',
    prepare: compilePrepare(connection),
    store,
    clock: systemClock,
    events: { emit: () => {} },
    observer: { onAccepted: () => {}, onFailing: () => {}, onReauthenticate: () => {}, onHold: () => {} },
    uplinkTimeValidityMs: null,
    createDevices: false,
    maxDevices: null,
    window: { maxBytes: 1e9, maxItems: 1e6 },
    circuits: new Circuits(systemClock, systemChance, { minMs: 500, maxMs: 20_000 }),
    batchLingerMs: 0,
    trail,
  });
  flow.open(project);
  const before = process.cpuUsage();
  for (let at = 0; at < all.length; at += CHUNK) {
    flow.onMessages(all.slice(at, at + CHUNK), () => {});
    await new Promise((resolve) => setImmediate(resolve));
  }
  while (store.settled < all.length) await new Promise((resolve) => setTimeout(resolve, 5));
  const { user, system } = process.cpuUsage(before);
  await flow.stop(AbortSignal.timeout(1000));
  return (user + system) / 1e6;
}

const all = messages();
const kept = new Trail(40_000);
const without: number[] = [];
const with_: number[] = [];
await round(all, new Trail(0));
await round(all, kept);
for (let i = 0; i < rounds; i++) {
  const pair: [number[], Trail][] = [
    [without, new Trail(0)],
    [with_, kept],
  ];
  if (i % 2 === 1) pair.reverse();
  for (const [into, trail] of pair) into.push(await round(all, trail));
}
const least = (values: readonly number[]): number => Math.min(...values);
const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] as number;
const ratios = with_.map((value, i) => value / (without[i] as number) - 1);
const per100k = 100_000 / UPLINKS;
console.log(
  JSON.stringify({
    without: median(without) * per100k,
    with: median(with_) * per100k,
    share: median(ratios),
    shareOfLeast: least(with_) / least(without) - 1,
    ratios: ratios.map((ratio) => Math.round(ratio * 1000) / 1000),
  }),
);
process.exit(0);
