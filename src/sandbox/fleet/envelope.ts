// The network's envelope around a frame: `DevEUI_uplink` as ThingPark writes it.
import type { Content } from './payloads.ts';
import type { Dice } from './seeded-chance.ts';
import { type Gateway, round, type Tracker, type TrackerKind } from './tracker.ts';

export interface EnvelopeOptions {
  /** `CustomerData.tags` of every device. */
  readonly tags: readonly string[];
  /** Numbers of this frame are written as strings, as some network servers do. */
  readonly numbersAsStrings: boolean;
  readonly late: boolean;
}

/** Made-up subscriber and application server of the whole fleet. */
export const CUSTOMER_ID = '990000042';
export const MODEL_CFG = '1:TPX_00000000-0000-4000-8000-000000000042';

const DRIVERS: Record<TrackerKind, { readonly maker: string; readonly model: string; readonly profile: string }> = {
  assetTracker2: { maker: 'abeeway', model: 'micro-tracker', profile: 'ABEE/MICR' },
  assetTracker3: { maker: 'abeeway', model: 'asset-tracker-3', profile: 'ABEE/AT3' },
  badge: { maker: 'simulated', model: 'gps-badge', profile: 'SIMU/BADGE' },
  climate: { maker: 'simulated', model: 'climate-sensor', profile: 'SIMU/CLIM' },
  wifi: { maker: 'simulated', model: 'wifi-tracker', profile: 'SIMU/WIFI' },
};

const CHANNELS = [
  { channel: 'LC1', subBand: 'G1', mhz: 868.1 },
  { channel: 'LC2', subBand: 'G1', mhz: 868.3 },
  { channel: 'LC3', subBand: 'G1', mhz: 868.5 },
  { channel: 'LC5', subBand: 'G0', mhz: 867.3 },
] as const;

export function uplinkEnvelope(
  tracker: Tracker,
  timeMs: number,
  content: Content | null,
  options: EnvelopeOptions,
  dice: Dice,
): object {
  const body = {
    Time: networkTime(timeMs, tracker.track.city.offsetMinutes),
    DevEUI: tracker.devEui,
    // A frame of MAC commands alone has no port.
    ...(content === null ? {} : { FPort: content.fPort }),
    FCntUp: tracker.fcntUp,
    LostUplinksAS: 0,
    ADRbit: 1,
    MType: content === null || dice.chance(0.9) ? 2 : 4,
    FCntDn: tracker.fcntDn,
    ...(content === null ? {} : { payload_hex: content.payloadHex }),
    mic_hex: dice.hex(4),
    Lrcid: '000000E1',
    ...radio(tracker, dice),
    Late: options.late ? 1 : 0,
    CustomerID: CUSTOMER_ID,
    CustomerData: customerData(tracker, options.tags),
    BaseStationData: { doms: [], name: `simulated ${tracker.track.city.name} 1` },
    ModelCfg: MODEL_CFG,
    DriverCfg: driverOf(tracker.kind),
    InstantPER: 0,
    MeanPER: round(dice.random() * 0.02, 6),
    DevAddr: tracker.devAddr,
    AckRequested: 0,
    rawMacCommands: content === null ? dice.hex(2) : '',
    TxPower: 14,
    NbTrans: 1,
    DynamicClass: 'A',
    ...(content?.payload === undefined ? {} : { payload: content.payload }),
    ...(content?.points === undefined ? {} : { points: content.points }),
  };
  return { DevEUI_uplink: options.numbersAsStrings ? withTextNumbers(body) : body };
}

/** ISO 8601 with milliseconds and the network's offset. */
export function networkTime(timeMs: number, offsetMinutes: number): string {
  const local = new Date(timeMs + offsetMinutes * 60_000).toISOString().slice(0, -1);
  const ahead = Math.abs(offsetMinutes);
  const hours = String(Math.floor(ahead / 60)).padStart(2, '0');
  const minutes = String(ahead % 60).padStart(2, '0');
  return `${local}${offsetMinutes < 0 ? '-' : '+'}${hours}:${minutes}`;
}

export function customerData(tracker: Tracker, tags: readonly string[]): object {
  const { profile } = DRIVERS[tracker.kind];
  return { loc: null, alr: { pro: profile, ver: '1' }, tags, doms: [], name: tracker.name };
}

export function driverOf(kind: TrackerKind): object {
  const { maker, model } = DRIVERS[kind];
  return {
    mod: { pId: maker, mId: model, ver: '1' },
    app: { pId: maker, mId: model, ver: '1' },
    id: `${maker}:${model}:1`,
  };
}

/** What one frame looked like to the gateways that heard it, the best one first. */
function radio(tracker: Tracker, dice: Dice): object {
  const heard = dice.whole(1, 3);
  const first = dice.whole(0, tracker.gateways.length - 1);
  const receptions: object[] = [];
  let rssi = dice.whole(-96, -58);
  for (let n = 0; n < heard; n++) {
    const gateway = tracker.gateways[(first + n) % tracker.gateways.length] as Gateway;
    receptions.push({ Lrrid: gateway.id, Chain: 0, ...signal(rssi, dice) });
    rssi -= dice.whole(2, 12);
  }
  const best = tracker.gateways[first] as Gateway;
  const channel = dice.pick(CHANNELS);
  return {
    ...(receptions[0] as object),
    SpFact: dice.whole(7, 12),
    SubBand: channel.subBand,
    Channel: channel.channel,
    Frequency: channel.mhz,
    DevLrrCnt: heard,
    LrrLAT: best.lat,
    LrrLON: best.lng,
    Lrrs: { Lrr: receptions },
  };
}

function signal(rssi: number, dice: Dice): object {
  const snr = dice.whole(-8, 40) / 4;
  return { LrrRSSI: rssi, LrrSNR: snr, LrrESP: round(rssi - 10 * Math.log10(1 + 10 ** (-snr / 10)), 6) };
}

/** The root's own numbers as text; the decoded payload keeps its types, as the driver made them. */
function withTextNumbers(body: Readonly<Record<string, unknown>>): object {
  const text: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(body)) text[key] = typeof value === 'number' ? String(value) : value;
  return text;
}
