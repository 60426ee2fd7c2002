// Uplinks that mean harm: each has a place in the ledger under its reason; no crash, no polluted prototype, no endless log line.
import mqtt from 'mqtt';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  definition,
  figures,
  LocalBridge,
  settledLedger,
  type TestBroker,
  temporaryFolder,
  until,
  untilState,
  useBroker,
} from '../support/bridge.ts';
import { describeWith } from '../support/requirements.ts';
import { useSandbox } from '../support/sandbox.ts';
import { Uplinks } from '../support/uplinks.ts';

const EUI = '70B3D500000000';
const KIB = 1024;
let sent = 0;

/** An uplink with these fields over the usual ones; each has a time of its own. */
function uplink(fields: string, payload = '{"temperature": 20.5}'): string {
  sent += 1;
  const time = new Date(Date.now() - 60_000 + sent).toISOString();
  return `{"DevEUI_uplink": {"Time": "${time}", "DevEUI": "${EUI}AA", "FPort": 5, "FCntUp": ${sent}, "payload_hex": "00", "payload": ${payload}${fields === '' ? '' : `, ${fields}`}}}`;
}

const nested = (depth: number, inner = '1') => `${'[{"a":'.repeat(depth / 2)}${inner}${'}]'.repeat(depth / 2)}`;
const padded = (bytes: number): string => {
  const text = uplink('"Pad": ""');
  return text.replace('"Pad": ""', `"Pad": "${'x'.repeat(bytes - text.length)}"`);
};

interface Case {
  readonly what: string;
  readonly payload: string | Buffer;
  readonly topic?: string;
  /** `column.reason` of the ledger; several where either is right. */
  readonly place: string;
}

const CASES: readonly Case[] = [
  { what: 'no JSON', payload: 'temperature=20.5', place: 'deadLettered.notJson' },
  { what: 'nothing at all', payload: '', place: 'deadLettered.notJson' },
  { what: 'half of a message', payload: uplink('').slice(0, 100), place: 'deadLettered.notJson' },
  {
    what: 'bytes',
    payload: Buffer.from(Array.from({ length: 2_000 }, (_, at) => at % 256)),
    place: 'deadLettered.notJson',
  },
  { what: 'text', payload: '"text"', place: 'deadLettered.noDevice' },
  { what: 'null', payload: 'null', place: 'deadLettered.noDevice' },
  { what: 'a list', payload: '[]', place: 'deadLettered.noDevice' },
  {
    what: 'no DevEUI',
    payload: '{"DevEUI_uplink": {"payload": {"temperature": 1}}}',
    topic: 'nobody',
    place: 'deadLettered.noDevice',
  },
  {
    what: 'a DevEUI that is none',
    payload: uplink('').replace(`${EUI}AA`, '../../etc/passwd'),
    topic: 'nobody',
    place: 'deadLettered.noDevice',
  },
  {
    what: 'a number for a DevEUI',
    payload: uplink('').replace(`"${EUI}AA"`, '7.5e20'),
    topic: 'nobody',
    place: 'deadLettered.noDevice',
  },
  {
    what: 'a list for a DevEUI',
    payload: uplink('').replace(`"${EUI}AA"`, '["0000000000000001"]'),
    topic: 'nobody',
    place: 'deadLettered.noDevice',
  },
  { what: 'a topic of 60,000 bytes', payload: '{}', topic: 'x'.repeat(60_000), place: 'deadLettered.noDevice' },
  { what: '256 KiB', payload: padded(256 * KIB), place: 'delivered' },
  { what: 'more than 256 KiB', payload: padded(256 * KIB + 1), place: 'deadLettered.tooBig' },
  { what: '900 KiB', payload: padded(900 * KIB), place: 'deadLettered.tooBig' },
  { what: 'a list nested 1,000 deep', payload: nested(1_000), place: 'deadLettered.tooDeep' },
  { what: 'a list nested 40,000 deep', payload: nested(40_000), place: 'deadLettered.tooDeep' },
  {
    what: 'a payload nested 1,000 deep',
    payload: uplink('', `{"temperature": 1, "deep": ${nested(1_000)}}`),
    place: 'deadLettered.tooDeep',
  },
  {
    what: 'a payload nested 40,000 deep',
    payload: uplink('', `{"temperature": 1, "deep": ${nested(40_000)}}`),
    place: 'deadLettered.tooDeep',
  },
  {
    what: '__proto__ in the body',
    payload: uplink('"__proto__": {"polluted": "body"}, "constructor": {"prototype": {"polluted": "c"}}'),
    place: 'delivered',
  },
  {
    what: '__proto__ in the payload',
    payload: uplink('', '{"temperature": 1, "__proto__": {"polluted": "payload"}, "toString": 1, "hasOwnProperty": 2}'),
    place: 'delivered',
  },
  {
    what: '__proto__ as the root',
    payload: '{"__proto__": {"polluted": "root"}}',
    topic: 'nobody',
    place: 'deadLettered.noDevice',
  },
  {
    what: '__proto__ around it all',
    payload: `{"__proto__": ${uplink('')}}`,
    topic: 'nobody',
    place: 'deadLettered.noDevice',
  },
  {
    what: '20,000 keys',
    payload: uplink('', `{"temperature": 1, ${Array.from({ length: 20_000 }, (_, n) => `"k${n}":1`)}}`),
    place: 'delivered|deadLettered.refused',
  },
  { what: 'a number beyond all', payload: uplink('', '{"temperature": 1e999, "humidity": 50}'), place: 'delivered' },
  { what: 'half a surrogate', payload: uplink('', '{"temperature": 1, "text": "\\ud800"}'), place: 'delivered' },
  {
    what: 'control characters',
    payload: uplink('"Note": "\\u001b[31m\\n\\r\\u0000"', '{"temperature": 1, "text": "\\n{\\"level\\":\\"fatal\\"}"}'),
    place: 'delivered',
  },
  {
    what: 'a time that is none',
    payload: uplink('').replace(/"Time": "[^"]*"/, '"Time": "yesterday"'),
    place: 'delivered|deadLettered.badTime',
  },
  {
    what: 'a time that is a list',
    payload: uplink('').replace(/"Time": "[^"]*"/, '"Time": [[]]'),
    place: 'delivered|deadLettered.badTime',
  },
  {
    what: 'a year beyond all',
    payload: uplink('').replace(/"Time": "[^"]*"/, '"Time": "+275760-09-13T00:00:00.001Z"'),
    place: 'delivered|deadLettered.badTime',
  },
  {
    what: 'wrong kinds everywhere',
    payload: uplink(
      '"CustomerData": 5, "ModelCfg": {"a": []}, "Lrrs": "none", "LrrLAT": {}, "BatteryLevel": "x"',
      '[1, 2, 3]',
    ),
    place: 'delivered|skipped|deadLettered',
  },
];

async function run(kind: TestBroker['kind']): Promise<void> {
  const sandbox = await useSandbox();
  const { email, password, appIds } = sandbox;
  const broker = await useBroker(kind);
  // In this process, so that a polluted prototype would show here.
  const bridge = await LocalBridge.start({
    dataDir: temporaryFolder(),
    broker,
    services: { sandbox: { url: sandbox.url } },
  });
  await bridge.apply('a', definition({ email, password, appId: appIds[0] }));
  await untilState(bridge, 'a', 'OPENED');
  const client = await mqtt.connectAsync(broker.url);
  onTestFinished(() => client.endAsync(true));
  const places = new Map<number, string>();
  const stop = bridge.bridge.control.follow('a', ({ seq, outcome }) => {
    places.set(seq, outcome.kind === 'delivered' ? outcome.kind : `${outcome.kind}.${outcome.reason}`);
  });
  onTestFinished(() => stop?.());
  for (const { payload, topic } of CASES) {
    await client.publishAsync(`mqtt/things/${topic ?? `${EUI}AA`}/uplink`, payload, { qos: 1 });
  }
  const well = new Uplinks({ brokerUrl: broker.url, devices: 5, euiPrefix: '70B3D5000B' });
  well.publish(50);
  await well.allAcked();
  await until('each has its final word', () => places.size === CASES.length + 50);
  const wrong = CASES.flatMap(({ what, place }, at) => {
    const found = places.get(at + 1) ?? 'nowhere';
    return place.split('|').some((each) => found.startsWith(each)) ? [] : [`${what}: ${found}, not ${place}`];
  });
  expect(wrong).toEqual([]);

  const { ledger } = await settledLedger(bridge, 'a', CASES.length + 50);
  const counts: Record<string, number> = { delivered: 0 };
  for (const place of places.values()) counts[place] = (counts[place] ?? 0) + 1;
  const columns = (['expired', 'filtered', 'skipped', 'deadLettered'] as const).flatMap((column) =>
    Object.entries(ledger[column]).map(([reason, count]) => [`${column}.${reason}`, count]),
  );
  expect({ delivered: ledger.delivered, ...Object.fromEntries(columns) }).toEqual(counts);
  expect(ledger.received).toBe(CASES.length + 50);
  expect(sandbox.stats().acceptedRecords).toBe(counts.delivered);
  expect(well.missing(well.arrivals(sandbox))).toEqual([]);

  for (const object of [{}, [], () => {}] as unknown[])
    expect((object as { polluted?: unknown }).polluted).toBeUndefined();
  for (const { record } of sandbox.received()) expect(JSON.stringify(record).length).toBeLessThan(300 * KIB);
  for (const line of bridge.log) expect(Buffer.byteLength(line)).toBeLessThanOrEqual(16 * KIB);
  const most = bridge.log.map((line) => JSON.parse(line) as { level: string; msg: string });
  expect(most.filter(({ level }) => level === 'fatal')).toEqual([]);
  for (const event of await bridge.events()) expect(event.message.length).toBeLessThan(1_100);
  expect((await bridge.connection('a'))?.state).toBe('OPENED');
  figures(`${kind}, hostile uplinks`, { cases: CASES.length, ...counts, logLines: bridge.log.length });
}

describe('uplinks that mean harm', () => {
  test('come to its own broker', () => run('embedded'));
});

describeWith('mosquitto', 'uplinks that mean harm, by way of a Mosquitto', () => {
  test('come from it', () => run('mosquitto'));
});
