// ChirpStack v4's events as JSON, recognised by `deviceInfo.devEui`. Source: ChirpStack's published integration messages.
// An uplink's body is put together in the form that ThingPark's has, so that HERE's users, topic patterns and the formats of
// a connection see one form whatever the network is. Places in `rxInfo` are the gateways' and never leave it.
import { anyTime } from '../iso-time.ts';
import { devEui, isObject, type JsonObject, num, text } from '../values.ts';
import { type Envelope, type Frame, type Located, NO_OBJECT, NOTHING, type Technology } from './frame.ts';

export function readChirpStack(root: JsonObject): Envelope | null {
  const { deviceInfo: info } = root;
  if (!isObject(info)) return isCommand(root) ? skip('report', devEui(root.devEui), 'a command on its way out') : null;
  if (info.devEui === undefined) return null;
  const device = devEui(info.devEui);
  if (isObject(root.location)) return location(root, info, device, root.location);
  const { data, object, fPort, fCnt, rxInfo } = root;
  if (root.integrationName !== undefined) return skip('report', device, 'an integration event');
  if (root.downlinkId !== undefined || root.queueItemId !== undefined) {
    return { ...skip('report', device, 'a txack or ack'), report: root };
  }
  if (root.code !== undefined && root.level !== undefined) return log(root, device);
  if (root.margin !== undefined || root.batteryLevel !== undefined) return status(root, device);
  if (data === undefined && object === undefined && fPort === undefined && fCnt === undefined && rxInfo === undefined) {
    return skip('join', device, 'a join');
  }
  return uplink(root, info, device);
}

/** Of `command/down`, heard on a topic that the filter takes in. */
function isCommand({ devEui: device, confirmed, fPort, data, object }: JsonObject): boolean {
  const hasContent = typeof data === 'string' || isObject(object);
  return typeof device === 'string' && typeof confirmed === 'boolean' && typeof fPort === 'number' && hasContent;
}

function skip(reason: 'report' | 'join' | 'mac' | 'notification', device: string | null, name: string): Skipped {
  return { kind: 'noTelemetry', reason, device, name: `ChirpStack: ${name}`, batteryLevel: null };
}

type Skipped = Extract<Envelope, { kind: 'noTelemetry' }>;

/** A codec's failure is told as the driver's. */
function log(root: JsonObject, device: string | null): Envelope {
  const code = text(root.code, 40) ?? 'unknown';
  const envelope = { ...skip('notification', device, `log ${code}`), report: root };
  if (code !== 'UPLINK_CODEC') return envelope;
  return { ...envelope, decodeError: { code, message: text(root.description, 300) ?? 'no message' } };
}

/** The device's status, with its battery in per cent. */
function status(root: JsonObject, device: string | null): Envelope {
  const level = num(root.batteryLevel);
  const isKnown =
    root.batteryLevelUnavailable !== true && root.externalPowerSource !== true && level >= 0 && level <= 100;
  const batteryLevel = isKnown ? Math.round(level) : null;
  return { kind: 'noTelemetry', reason: 'notification', device, name: 'ChirpStack: a device status', batteryLevel };
}

function uplink(root: JsonObject, info: JsonObject, device: string | null): Envelope {
  const hex = hexOfBase64(root.data);
  const decoded = isObject(root.object) && hasFields(root.object) ? root.object : null;
  const fPort = num(root.fPort);
  if (fPort === 0 || (hex === null && decoded === null)) return skip('mac', device, 'MAC commands only');
  const receivers = Array.isArray(root.rxInfo) ? root.rxInfo : NOTHING;
  const best = isObject(receivers[0]) ? receivers[0] : NO_OBJECT;
  const time = anyTime(root.time);
  const body = bodyOf({
    Time: root.time,
    DevEUI: device,
    FPort: root.fPort,
    // Defaults are left out of this JSON: the first frame has no counter.
    FCntUp: root.fCnt ?? 0,
    payload_hex: hex,
    DevAddr: root.devAddr,
    LrrRSSI: best.rssi,
    LrrSNR: best.snr,
    Lrrid: best.gatewayId,
    DevLrrCnt: receivers.length === 0 ? undefined : receivers.length,
    CustomerData: customerData(info),
    payload: decoded,
  });
  const frame: Frame = {
    ...frameOf(info, device),
    kind: 'uplink',
    receivedAt: !Number.isNaN(time) ? time : anyTime(best.nsTime ?? best.time),
    receivedFrom: !Number.isNaN(time) ? 'time' : 'rxInfo[0].nsTime',
    fCnt: count(root.fCnt ?? 0),
    rootKey: 'DevEUI_uplink',
    body,
    decoded,
    payloadHex: hex,
  };
  return { kind: 'frame', frame };
}

function location(root: JsonObject, info: JsonObject, device: string | null, place: JsonObject): Envelope {
  const time = anyTime(root.time);
  const technology = TECHNOLOGIES[text(place.source, 30) ?? ''] ?? 'network';
  const located: Located = {
    lat: num(place.latitude),
    lng: num(place.longitude),
    // The default of this JSON, as of an altitude that nobody knows.
    alt: num(place.altitude) === 0 ? Number.NaN : num(place.altitude),
    accuracy: num(place.accuracy),
    time: Number.NaN,
    age: Number.NaN,
    technology,
    northVelocity: Number.NaN,
    eastVelocity: Number.NaN,
    stale: place.source === 'CONFIG' ? 'a place that somebody has configured is no fix' : null,
    unknownState: null,
  };
  const body = bodyOf({ Time: root.time, DevEUI: device, location: place, CustomerData: customerData(info) });
  const frame: Frame = {
    ...frameOf(info, device),
    kind: 'location',
    receivedAt: time,
    receivedFrom: 'time',
    rootKey: 'DevEUI_location',
    body,
    located,
  };
  return { kind: 'frame', frame };
}

const TECHNOLOGIES: Readonly<Record<string, Technology>> = {
  GPS: 'gnss',
  GEO_RESOLVER_GNSS: 'gnss',
  GEO_RESOLVER_WIFI: 'wlan',
};

function frameOf(info: JsonObject, device: string | null): Frame {
  return {
    network: 'chirpstack',
    kind: 'uplink',
    device,
    receivedAt: Number.NaN,
    receivedFrom: 'time',
    fCnt: undefined,
    rootKey: null,
    body: NO_OBJECT,
    decoded: null,
    extras: NOTHING,
    points: null,
    payloadHex: null,
    located: null,
    maker: null,
    model: text(info.deviceProfileName, 100),
    tags: tagsOf(info.tags),
    services: null,
    decodeError: null,
    networkBattery: Number.NaN,
  };
}

/** As a device's tags in ThingPark: `key:value`, and the key alone. */
function tagsOf(tags: unknown): readonly string[] | null {
  if (!isObject(tags)) return null;
  const list: string[] = [];
  for (const key in tags) list.push(key, `${key}:${String(tags[key]).slice(0, 200)}`);
  return list.length === 0 ? null : list;
}

function customerData(info: JsonObject): JsonObject | undefined {
  const tags = tagsOf(info.tags);
  const name = text(info.deviceName, 200);
  if (name === null && tags === null) return undefined;
  return {
    ...(name === null ? {} : { name }),
    ...(tags === null ? {} : { tags: tags.filter((tag) => tag.includes(':')) }),
  };
}

export function count(value: unknown): number | undefined {
  const number = num(value);
  return Number.isInteger(number) && number >= 0 && number <= 0xffff_ffff ? number : undefined;
}

export function hasFields(object: JsonObject): boolean {
  for (const _ in object) return true;
  return false;
}

/** Of a payload in base64; null: none, or longer than LoRaWAN's largest by far. */
export function hexOfBase64(data: unknown): string | null {
  if (typeof data !== 'string' || data === '' || data.length > 700) return null;
  const hex = Buffer.from(data, 'base64').toString('hex');
  return hex === '' ? null : hex;
}

/** Without the fields that the message does not have. */
export function bodyOf(fields: Record<string, unknown>): JsonObject {
  const body: Record<string, unknown> = {};
  for (const key in fields) if (fields[key] !== undefined && fields[key] !== null) body[key] = fields[key];
  return body;
}
