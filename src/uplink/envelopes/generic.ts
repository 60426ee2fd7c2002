// A plain JSON of some other producer: a device id of 16 hex digits, most often a time, and the rest are fields.
import { anyTime } from '../iso-time.ts';
import { canonical } from '../map/keys.ts';
import { devEui, isObject, type JsonObject, text } from '../values.ts';
import { count } from './chirpstack.ts';
import { EMPTY_FRAME, type Envelope } from './frame.ts';

const DEVICE = new Set(['deveui', 'deviceeui', 'eui', 'hardwareserial', 'deviceid', 'id', 'device', 'serial', 'devid']);
const TIME = new Set([
  ...['time', 'timestamp', 'ts', 'receivedat', 'receptiontime', 'recvtime', 'reportedat', 'datetime', 'date'],
]);
const CONTENT = new Set([
  'payload',
  'decoded',
  'decodedpayload',
  'object',
  'data',
  'fields',
  'payloadfields',
  'values',
]);
const HEX = new Set(['payloadhex', 'rawhex', 'hex', 'frmpayloadhex']);
/** A message has its id and time near its beginning. */
const MAX_KEYS = 200;

export function readGeneric(root: JsonObject): Envelope | null {
  let device: string | null = null;
  let receivedAt = Number.NaN;
  let receivedFrom = 'nothing';
  let decoded: unknown = null;
  let payloadHex: string | null = null;
  let fCnt: number | undefined;
  let maker: string | null = null;
  let model: string | null = null;
  let seen = 0;
  for (const key in root) {
    if (++seen > MAX_KEYS) break;
    const name = canonical(key.slice(0, 64));
    const value = root[key];
    if (DEVICE.has(name))
      device ??= devEui(value) ?? (isObject(value) ? devEui(value.eui ?? value.devEui ?? value.id) : null);
    else if (TIME.has(name) && Number.isNaN(receivedAt)) {
      receivedAt = anyTime(value);
      receivedFrom = key;
    } else if (CONTENT.has(name) && typeof value === 'object' && value !== null) decoded ??= value;
    else if (HEX.has(name)) payloadHex ??= text(value, 1024);
    else if (name === 'fcnt' || name === 'fcntup') fCnt = count(value);
    else if (name === 'manufacturer' || name === 'brand') maker = text(value, 100);
    else if (name === 'model' || name === 'devicemodel') model = text(value, 100);
  }
  if (device === null) return null;
  const frame = {
    ...EMPTY_FRAME,
    network: 'generic' as const,
    device,
    receivedAt,
    receivedFrom,
    fCnt,
    body: root,
    decoded: decoded ?? root,
    payloadHex,
    maker,
    model,
  };
  return { kind: 'frame', frame };
}
