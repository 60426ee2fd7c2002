// The tap takes publishes out of a connection's bytes however they are cut, and leaves everything else to mqtt.js.
import { Duplex } from 'node:stream';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MqttTap, type TapSink } from '../../src/brokers/mqtt-tap.ts';
import { payloadBounds } from '../../src/brokers/payload-bounds.ts';

interface Publish {
  readonly topic: string;
  readonly payload: string;
  readonly qos: number;
  readonly dup: boolean;
  readonly retain: boolean;
  readonly id: number;
}

/** A socket whose reads the test makes. */
class Wire extends Duplex {
  asked = 0;

  override _read(): void {
    this.asked += 1;
  }

  override _write(_chunk: unknown, _encoding: string, done: () => void): void {
    done();
  }
}

function connection(version: 4 | 5 = 4, room = () => true, bounds = payloadBounds()) {
  const wire = new Wire();
  const publishes: Publish[] = [];
  const passed: Buffer[] = [];
  const sink: TapSink = {
    publish: (topic, payload, qos, dup, retain, id) => {
      publishes.push({ topic, payload: payload.toString(), qos, dup, retain, id });
      return room();
    },
  };
  const tap = new MqttTap(wire, version, sink, bounds);
  wire.on('data', (chunk: Buffer) => passed.push(chunk));
  return { wire, tap, publishes, passed: () => Buffer.concat(passed) };
}

function length(bytes: number): Buffer {
  const out: number[] = [];
  let rest = bytes;
  do {
    out.push((rest % 128) | (rest >= 128 ? 128 : 0));
    rest = Math.floor(rest / 128);
  } while (rest > 0);
  return Buffer.from(out);
}

function packet(first: number, body: Buffer): Buffer {
  return Buffer.concat([Buffer.from([first]), length(body.length), body]);
}

function publish(sent: Publish, version: 4 | 5 = 4, properties = Buffer.alloc(0)): Buffer {
  const topic = Buffer.from(sent.topic);
  const head = Buffer.from([topic.length >> 8, topic.length & 255]);
  const id = sent.qos > 0 ? Buffer.from([sent.id >> 8, sent.id & 255]) : Buffer.alloc(0);
  const extra = version === 5 ? Buffer.concat([length(properties.length), properties]) : Buffer.alloc(0);
  const flags = (sent.dup ? 8 : 0) | (sent.qos << 1) | (sent.retain ? 1 : 0);
  return packet(0x30 | flags, Buffer.concat([head, topic, id, extra, Buffer.from(sent.payload)]));
}

const CONNACK = Buffer.from([0x20, 2, 0, 0]);
const PINGRESP = Buffer.from([0xd0, 0]);
const one: Publish = { topic: 'up/a', payload: 'x', qos: 1, dup: false, retain: false, id: 1 };
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('however the bytes are cut: publishes come whole and in order, the rest stays as it was', async () => {
  const part = fc.oneof(
    fc.constantFrom(CONNACK, PINGRESP, packet(0x90, Buffer.from([0, 1, 1]))),
    fc.record({
      topic: fc.string({ minLength: 1, maxLength: 60, size: 'max', unit: 'grapheme' }),
      payload: fc.string({ maxLength: 400, size: 'max' }),
      qos: fc.constantFrom(0, 1),
      dup: fc.boolean(),
      retain: fc.boolean(),
      id: fc.integer({ min: 1, max: 65_535 }),
    }),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(part, { maxLength: 30, size: 'max' }),
      fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1 }),
      fc.constantFrom(4 as const, 5 as const),
      async (parts, cuts, version) => {
        const { wire, publishes, passed } = connection(version);
        const bytes = Buffer.concat(
          parts.map((each) => (Buffer.isBuffer(each) ? each : publish(each, version, Buffer.from([1, 0])))),
        );
        for (let at = 0, n = 0; at < bytes.length; n++) {
          const to = at + (cuts[n % cuts.length] as number);
          wire.push(bytes.subarray(at, to));
          at = to;
        }
        await turn();
        const sent = parts.flatMap((each) => (Buffer.isBuffer(each) ? [] : [each]));
        expect(publishes).toEqual(sent.map((each) => (each.qos === 0 ? { ...each, id: 0 } : each)));
        expect(passed()).toEqual(Buffer.concat(parts.filter((each) => Buffer.isBuffer(each))));
      },
    ),
    { numRuns: 300 },
  );
});

test('without room reading stops at once, and goes on where it stopped', async () => {
  let room = false;
  const { wire, tap, publishes, passed } = connection(4, () => room);
  await turn();
  const two = { ...one, id: 2 };
  const asked = wire.asked;
  expect(wire.push(Buffer.concat([publish(one), PINGRESP, publish(two), PINGRESP]))).toBe(false);
  wire.push(publish({ ...one, id: 3 }).subarray(0, 4));
  await turn();
  expect([publishes.length, passed().length, wire.asked]).toEqual([1, 0, asked]);
  room = true;
  tap.resume();
  await turn();
  wire.push(publish({ ...one, id: 3 }).subarray(4));
  await turn();
  expect(publishes.map(({ id }) => id)).toEqual([1, 2, 3]);
  expect(passed()).toEqual(Buffer.concat([PINGRESP, PINGRESP]));
  expect(wire.asked).toBeGreaterThan(asked);
});

test('what is malformed, and publishes of QoS 2, are left to mqtt.js', async () => {
  const longer = Buffer.from([0x32, 5, 0, 9, 97, 0, 1]);
  const noId = publish({ ...one, id: 0 });
  const alias = publish({ ...one, topic: '' }, 5, Buffer.from([0x23, 0, 1]));
  const exactlyTwice = publish({ ...one, qos: 2 });
  for (const [bytes, version] of [
    [longer, 4],
    [noId, 4],
    [alias, 5],
    [exactlyTwice, 4],
  ] as const) {
    const { wire, publishes, passed } = connection(version);
    wire.push(Buffer.concat([bytes, publish(one, version)]));
    await turn();
    expect(passed()).toEqual(bytes);
    expect(publishes).toEqual([one]);
  }
});

test('bytes that are no MQTT go on as they are from there, cut or not', async () => {
  const endless = Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3]);
  for (const cut of [1, 3, 5, endless.length]) {
    const { wire, publishes, passed } = connection();
    wire.push(publish(one));
    wire.push(endless.subarray(0, cut));
    if (cut < endless.length) wire.push(endless.subarray(cut));
    wire.push(publish(one));
    await turn();
    expect(publishes).toEqual([one]);
    expect(passed()).toEqual(Buffer.concat([endless, publish(one)]));
  }
});

test('the end of the connection goes through, whatever waits', async () => {
  const { wire, publishes, passed, tap } = connection(4, () => false);
  wire.push(Buffer.concat([publish(one), publish(one)]));
  let hasEnded = false;
  wire.on('end', () => {
    hasEnded = true;
  });
  wire.push(null);
  await turn();
  expect(hasEnded).toBe(true);
  // What there was no room for has not been let through unread either.
  expect(publishes).toEqual([one]);
  expect(passed()).toHaveLength(0);
  tap.resume();
  expect(publishes).toEqual([one, one]);
});

const BOUNDS = { whole: 1_000, kept: 100 };
const cut = (payload: string): string =>
  payload.length <= BOUNDS.whole
    ? payload
    : `${payload.slice(0, BOUNDS.kept)}\n[here-bridge: cut off here, the message had ${payload.length} bytes]`;

test('however the bytes are cut: of a payload that is far too long the beginning is kept, and how long it was', async () => {
  const large = fc.record({
    topic: fc.constantFrom('up/a', 'ü'.repeat(32_767)),
    payload: fc.constantFrom(0, 999, 1_000, 1_001, 66_000, 300_000).map((bytes) => 'x'.repeat(bytes)),
    // User properties may be as long as the packet.
    properties: fc.constantFrom(0, 2, 100_000).map((bytes) => Buffer.alloc(bytes)),
    qos: fc.constantFrom(0, 1, 2),
    dup: fc.boolean(),
    retain: fc.boolean(),
    id: fc.integer({ min: 1, max: 65_535 }),
  });
  const whatever = fc.oneof(large, fc.constant(PINGRESP));
  await fc.assert(
    fc.asyncProperty(
      fc.array(whatever, { maxLength: 6 }),
      fc.array(fc.constantFrom(1, 4, 70, 20_000, 65_536, 500_000), { minLength: 1 }),
      fc.constantFrom(4 as const, 5 as const),
      async (parts, cuts, version) => {
        const { wire, publishes, passed } = connection(version, () => true, BOUNDS);
        const packets = parts.map((each) => (Buffer.isBuffer(each) ? each : publish(each, version, each.properties)));
        const bytes = Buffer.concat(packets);
        for (let at = 0, n = 0; at < bytes.length; n++) {
          // Byte by byte near the beginning only. A WebSocket's frame may be all of a packet in one.
          const to = at + (n < 200 ? (cuts[n % cuts.length] as number) : 65_536);
          wire.push(bytes.subarray(at, to));
          at = to;
        }
        await turn();
        const sent = parts.flatMap((each) => (Buffer.isBuffer(each) || each.qos === 2 ? [] : [each]));
        expect(publishes).toEqual(
          sent.map(({ properties: _, ...each }) => ({
            ...each,
            payload: cut(each.payload),
            id: each.qos === 0 ? 0 : each.id,
          })),
        );
        const others = packets.filter((_, at) => {
          const part = parts[at];
          return Buffer.isBuffer(part) || part?.qos === 2;
        });
        expect(passed().equals(Buffer.concat(others))).toBe(true);
      },
    ),
    { numRuns: 100 },
  );
});

test('a message of 256 MB keeps hardly more than what is allowed, and what follows it is read', async () => {
  const { wire, publishes } = connection(5, () => true, payloadBounds(262_144));
  const bytes = 268_435_455;
  const head = publish({ ...one, id: 9 }, 5).subarray(2, -1);
  wire.push(Buffer.concat([Buffer.from([0x32]), length(bytes), head]));
  const chunk = Buffer.alloc(65_536, 'y');
  for (let left = bytes - head.length; left > 0; left -= chunk.length) wire.push(chunk.subarray(0, left));
  wire.push(publish({ ...one, id: 10 }, 5));
  await turn();
  expect(publishes.map(({ topic, id }) => [topic, id])).toEqual([
    ['up/a', 9],
    ['up/a', 10],
  ]);
  const { payload = '' } = publishes[0] ?? {};
  expect(payload.length).toBeGreaterThan(262_144);
  expect(payload.length).toBeLessThan(262_144 + 100);
  expect(payload).toContain(`the message had ${bytes - head.length} bytes`);
});

test('a large message for which there is no room behind it: reading stops, and goes on behind it', async () => {
  let room = false;
  const { wire, tap, publishes } = connection(4, () => room, BOUNDS);
  const large = publish({ ...one, payload: 'x'.repeat(100_000) });
  wire.push(large.subarray(0, 70_000));
  wire.push(Buffer.concat([large.subarray(70_000), publish({ ...one, id: 2 })]));
  await turn();
  expect(publishes.map(({ id }) => id)).toEqual([1]);
  room = true;
  tap.resume();
  expect(publishes.map(({ id }) => id)).toEqual([1, 2]);
});
