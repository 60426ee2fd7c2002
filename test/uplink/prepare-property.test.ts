// Generated uplinks, plausible and hostile: nothing throws, and no record is outside of what HERE accepts.
// PROPERTY_RUNS sets how many (3000 by default).
import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compilePrepare } from '../../src/uplink/prepare.ts';
import { describeWith } from '../support/requirements.ts';
import { type AnyRecord, ARRIVED, connection, DEVICE, message, uplink } from './prepare-support.ts';

const NAMES = [
  ...'latitude longitude lat lng lon gps_lat gps_lon latitudeDeg longitudeDeg gpsLatitude gpsLongitude location position gps'.split(
    ' ',
  ),
  ...'gnssFix coordinates horizontalAccuracy accuracy acc altitude satellites timestamp time age speed speedKmph headingDeg'.split(
    ' ',
  ),
  ...'SOG COG gpsSpeedOverGround gpsCourseOverGround fixFailed status battery batteryLevel batteryStatus temperature'.split(
    ' ',
  ),
  ...'humidity pressure moving tamper attached messages points record records unitId eventTime value type measurementValue'.split(
    ' ',
  ),
  ...'header quality numberSatellitesUsed payload payload_hex downlinkUrl __proto__ constructor toString rawPositionType'.split(
    ' ',
  ),
];
const texts = fc.oneof(
  fc.constantFrom(
    '',
    'NaN',
    '1e999',
    '43.6',
    '-0',
    '0x10',
    'GPS',
    'CHARGING',
    'SUCCESS',
    'no fix',
    '43.6,7.06',
    '31°C',
    '100%',
    '(250,500]',
    '2024-06-20T12:51:50Z',
    'UNKNOWN',
    '\ud800',
  ),
  fc.string({ maxLength: 40, size: 'max' }),
);
const leaves = fc.oneof(
  fc.double(),
  fc.double({ min: -200, max: 200, noNaN: true }),
  fc.integer({ min: -5, max: 400 }),
  fc.constantFrom(-1, 0, 1718887908, 1718887908000, 4294967295, 1e300),
  fc.boolean(),
  fc.constant(null),
  texts,
);
const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    leaves,
    fc.array(tie('tree'), { maxLength: 5 }),
    fc.dictionary(fc.oneof(fc.constantFrom(...NAMES), fc.string({ maxLength: 8 })), tie('tree'), { maxKeys: 8 }),
  ),
}));
const bodies = fc.record(
  {
    DevEUI: fc.oneof(fc.constant(DEVICE), tree),
    Time: fc.oneof(fc.constant('2024-06-20T12:51:53.243Z'), tree),
    payload: tree,
    points: fc.oneof(
      tree,
      fc.dictionary(
        fc.constantFrom('location', 'temperature:1', 'speed', 'age', 'GPS'),
        fc.record(
          { unitId: fc.constantFrom('GPS', 'Cel', 'm/s', '%', 's'), record: tree, records: fc.array(tree) },
          { requiredKeys: [] },
        ),
      ),
    ),
    payload_hex: fc.oneof(fc.constant('00ff'), tree),
    CustomerData: tree,
    DriverCfg: fc.oneof(tree, fc.record({ mod: fc.record({ pId: texts, mId: texts }) })),
    ModelCfg: tree,
    DevLAT: leaves,
    DevLON: leaves,
    DevLocRadius: leaves,
    DevAlt: leaves,
    DevNorthVel: leaves,
    DevEastVel: leaves,
    coordinates: fc.oneof(fc.array(leaves), tree),
    uplinkPayload: tree,
    resolvedTracker: tree,
    validityState: fc.oneof(fc.constant('NEW'), tree),
    rawPosition: tree,
    downlinkUrl: fc.constant('https://host/downlinkMessages/secret'),
    payloadDecodedError: tree,
  },
  { requiredKeys: ['DevEUI'] },
);
const messages = fc.oneof(
  bodies.map((body) => ({ DevEUI_uplink: body })),
  bodies.map((body) => ({ DevEUI_location: body })),
  bodies.map((body) => ({ ...body, deviceEUI: DEVICE })),
  bodies,
  fc
    .tuple(
      fc.constantFrom('DevEUI_notification', 'DevEUI_alarm', 'DevEUI_downlink_Sent', 'DevEUI_uplink', 'other'),
      tree,
    )
    .map(([key, value]) => ({ [key]: value })),
  tree,
);
const RUNS = Number(process.env.PROPERTY_RUNS ?? 3000);

/** HERE's ranges, said a second time and independently of the mapping. */
function problemsOf(record: AnyRecord): string[] {
  const problems: string[] = [];
  const check = (ok: boolean, what: string): void => void (ok || problems.push(what));
  const isInt = (value: unknown, low: number, high: number): boolean =>
    Number.isInteger(value) && (value as number) >= low && (value as number) <= high;
  const isOr = (value: unknown, ok: (value: number) => boolean): boolean =>
    value === undefined || (typeof value === 'number' && ok(value));
  check(/^[0-9A-F]{16}$/.test(record.id), 'id');
  check(isInt(record.timestamp, 2, 4_102_448_400_000), 'timestamp');
  check(
    record.payload === undefined ||
      (typeof record.payload === 'object' && record.payload !== null && !Array.isArray(record.payload)),
    'payload',
  );
  check(Buffer.byteLength(JSON.stringify(record.payload ?? {})) <= 1000, 'payload size');
  check(!JSON.stringify(record).includes('downlinkMessages'), 'downlink address');
  const { position, system } = record;
  if (position !== undefined) {
    check(Math.abs(position.lat) <= 90 && Math.abs(position.lng) <= 180, 'range');
    check(!(position.lat === 0 && position.lng === 0), '0,0');
    check(position.accuracy > 0 && position.accuracy <= 1_000_000, 'accuracy');
    check((position.speed === undefined) === (position.heading === undefined), 'speed and heading');
    check(
      isOr(position.heading, (n) => isInt(n, 0, 359)),
      'heading',
    );
    check(
      isOr(position.speed, (n) => isInt(n, 0, 1000)),
      'speed',
    );
    check(
      isOr(position.satellitecount, (n) => isInt(n, 1, 50)),
      'satellites',
    );
    check(
      isOr(position.timestamp, (n) => isInt(n, 2, record.timestamp + 60_000)),
      'fix time',
    );
    check([undefined, 'gnss', 'wlan'].includes(position.type), 'type');
  }
  const sensors = system?.reportedSensorData ?? {};
  check(
    isOr(sensors.batteryLevel, (n) => isInt(n, 0, 100)),
    'battery',
  );
  check(
    isOr(sensors.temperatureC, (n) => n >= -70 && n <= 100),
    'temperature',
  );
  check(
    isOr(sensors.relativeHumidity, (n) => n >= 0 && n <= 100),
    'humidity',
  );
  check(
    isOr(sensors.pressureHpa, (n) => n >= 300 && n <= 1500),
    'pressure',
  );
  for (const state of ['batteryIsCharging', 'deviceIsStationary', 'deviceIsTampered', 'deviceIsAttached']) {
    check(['undefined', 'boolean'].includes(typeof sensors[state]), state);
  }
  return problems;
}

describe('Whatever comes', () => {
  test('nothing throws, all is accounted for, and each record is within HERE’s ranges', () => {
    const prepares = (['enveloped', 'flat', 'decoded'] as const).map((format) =>
      compilePrepare(connection({ format })),
    );
    let records = 0;
    fc.assert(
      fc.property(messages, fc.constantFrom(...prepares), (content, prepare) => {
        const prepared = prepare(message(content), ARRIVED);
        if (prepared.outcome !== null) {
          expect(prepared.outcome).not.toMatchObject({ reason: 'mappingFailed' });
          return;
        }
        for (const { json, bytes, timestamp, device } of prepared.records) {
          const record = JSON.parse(json);
          expect(problemsOf(record)).toEqual([]);
          expect({ bytes, timestamp, device }).toEqual({
            bytes: Buffer.byteLength(json),
            timestamp: record.timestamp,
            device: record.id,
          });
          records += 1;
        }
      }),
      { numRuns: RUNS },
    );
    expect(records).toBeGreaterThan(RUNS / 10);
  }, 600_000);

  test('bytes that are no text, or half a message, are dead letters', () => {
    const prepare = compilePrepare(connection());
    const whole = Buffer.from(JSON.stringify(uplink({ latitude: 43.6, longitude: 7.06 })));
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 300, size: 'max' }),
          fc.nat(whole.length - 1).map((n) => whole.subarray(0, n)),
        ),
        (bytes) => {
          const prepared = prepare(message(Buffer.from(bytes)), ARRIVED);
          expect(prepared.outcome).toMatchObject({ kind: 'deadLettered' });
        },
      ),
      { numRuns: 300 },
    );
  });
});

describeWith('openapi', 'Against HERE’s OpenAPI document', (file) => {
  test('records of all kinds of uplinks are valid', () => {
    const document = JSON.parse(readFileSync(file, 'utf8'));
    const { items } = document.paths['/v3/batch'].post.requestBody.content['application/json'].schema.properties.data;
    const ajv = new Ajv({ strict: false, allErrors: true, formats: { 'date-time': true } });
    const validate = ajv.compile(items);
    const prepare = compilePrepare(connection());
    fc.assert(
      fc.property(messages, (content) => {
        const prepared = prepare(message(content), ARRIVED);
        if (prepared.outcome !== null) return;
        for (const { json } of prepared.records) expect(validate(JSON.parse(json)) ? null : validate.errors).toBeNull();
      }),
      { numRuns: RUNS },
    );
  }, 600_000);
});
