// What decode, filter and map cost per uplink, beside `JSON.parse` of the same messages: `node test/bench/prepare.bench.ts`.
import type { Connection } from '../../src/domain/connection.ts';
import type { UplinkMessage } from '../../src/domain/ports/line.ts';
import { compilePrepare } from '../../src/uplink/prepare.ts';

const connection: Pick<Connection, 'format' | 'source' | 'uplinkTimeValidityMs'> = {
  format: 'enveloped',
  uplinkTimeValidityMs: 72 * 3_600_000,
  source: {
    broker: 'local',
    topics: ['mqtt/things/+/uplink'],
    topicPattern: 'mqtt/things/{DevEUI}/uplink',
    matchers: [{ type: 'thing', tags: ['fleet', 'TemperatureService'] }],
    from: 'now',
  },
};

/** An AT2 tracker's uplink with a fix, heard by three receivers: about 1.5 KB, different in every message. */
function uplink(index: number, time: number): string {
  const device = (0x20635f0000000000n + BigInt(index % 1000)).toString(16).toUpperCase();
  const hex = (index * 7919).toString(16).padStart(12, '0').repeat(4);
  const lat = 48 + (index % 1000) / 1000;
  const lng = 2 + (index % 777) / 1000;
  const receivers = [1, 2, 3].map((n) => ({
    Lrrid: `1000020${n}`,
    Chain: 0,
    LrrRSSI: -60 - n,
    LrrSNR: 9.5 - n,
    LrrESP: -61.461838 - n,
  }));
  return JSON.stringify({
    DevEUI_uplink: {
      Time: new Date(time - 500).toISOString().replace('Z', '+00:00'),
      DevEUI: device,
      FPort: 18,
      FCntUp: index,
      ADRbit: 1,
      MType: 2,
      FCntDn: 9,
      payload_hex: hex,
      mic_hex: '3bcf2927',
      Lrcid: '00000127',
      LrrRSSI: -65,
      LrrSNR: 9.5,
      LrrESP: -65.461838,
      SpFact: 7,
      SubBand: 'G1',
      Channel: 'LC3',
      DevLrrCnt: 3,
      Lrrid: '10000201',
      Late: 0,
      LrrLAT: 43.615501,
      LrrLON: 7.066182,
      Lrrs: { Lrr: receivers },
      CustomerID: '100002164',
      CustomerData: { alr: { pro: 'ABEE/APY', ver: '1' }, tags: ['Fleet', 'Paris'], name: `Tracker ${index % 1000}` },
      ModelCfg: '1:TemperatureService,2:TPX_226d5d46',
      DriverCfg: {
        mod: { pId: 'abeeway', mId: 'micro-tracker', ver: '2' },
        app: { pId: 'abeeway', mId: 'asset-tracker' },
      },
      DevAddr: '04D2848E',
      Frequency: 868.1,
      DynamicClass: 'A',
      payload: {
        gpsLatitude: lat,
        gpsLongitude: lng,
        gpsAltitude: 35.5,
        gpsCourseOverGround: 3349,
        gpsSpeedOverGround: 140,
        gpsFixStatus: 'FIX_3D',
        horizontalAccuracy: 8.5,
        messageType: 'EXTENDED_POSITION_MESSAGE',
        age: 12,
        trackingMode: 'PERMANENT_TRACKING',
        batteryLevel: 84,
        batteryStatus: 'OPERATING',
        rawPositionType: 'GPS',
        temperatureMeasure: 21.3,
        sosFlag: 0,
        dynamicMotionState: 'MOVING',
        payload: hex,
        deviceConfiguration: { mode: 'PERMANENT_TRACKING' },
      },
      points: {
        batteryLevel: { unitId: '%', record: 84 },
        temperature: { unitId: 'Cel', record: 21.3 },
        location: { unitId: 'GPS', record: [lng, lat] },
        accuracy: { unitId: 'm', record: 8.5 },
      },
    },
  });
}

/**
 * CPU time of this process: other load on the machine counts less than in wall-clock time. Both kinds, since the kernel only
 * estimates how they share the whole.
 */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

export interface PrepareCost {
  readonly bytes: number;
  readonly parseMicros: number;
  readonly prepareMicros: number;
  /** What decode, filter and map cost beyond the parsing. */
  readonly beyondParseMicros: number;
  /** The same against the parsing: the median of the rounds, in each of which both were measured one after the other. */
  readonly ratio: number;
}

/** The best of some rounds, in µs per uplink: the first ones still compile, and others share the machine. */
export function benchPrepare(messages = 2000, rounds = 60): PrepareCost {
  const now = Date.now();
  const uplinks: UplinkMessage[] = Array.from({ length: messages }, (_, index) => ({
    topic: 'mqtt/things/20635F0108000E09/uplink',
    payload: Buffer.from(uplink(index, now)),
    arrivedAt: now,
    retain: false,
  }));
  const prepare = compilePrepare(connection);
  let records = 0;
  const parsing: number[] = [];
  const preparing: number[] = [];
  for (let round = 0; round < rounds; round++) {
    let start = cpuMs();
    for (const { payload } of uplinks)
      if (typeof JSON.parse(payload.toString()) !== 'object') throw new Error('no object');
    parsing.push(cpuMs() - start);
    start = cpuMs();
    for (const message of uplinks) {
      const prepared = prepare(message, now);
      if (prepared.outcome === null) records += prepared.records.length;
    }
    preparing.push(cpuMs() - start);
  }
  if (records !== messages * rounds) throw new Error(`${records} records of ${messages * rounds} uplinks`);
  const ratios = parsing.map((parse, round) => ((preparing[round] as number) - parse) / parse).sort((a, b) => a - b);
  const [parse, whole] = [Math.min(...parsing), Math.min(...preparing)];
  const micros = (ms: number): number => (ms * 1000) / messages;
  return {
    bytes: Math.round(uplinks.reduce((sum, { payload }) => sum + payload.length, 0) / messages),
    parseMicros: micros(parse),
    prepareMicros: micros(whole),
    beyondParseMicros: micros(whole - parse),
    ratio: ratios[Math.floor(ratios.length / 2)] as number,
  };
}

if (import.meta.main) {
  const { bytes, parseMicros, prepareMicros, beyondParseMicros, ratio } = benchPrepare();
  console.log(
    `${bytes} bytes: JSON.parse ${parseMicros.toFixed(1)} µs, prepare ${prepareMicros.toFixed(1)} µs, ` +
      `so decode, filter and map ${beyondParseMicros.toFixed(1)} µs (${ratio.toFixed(2)} × parse)`,
  );
}
