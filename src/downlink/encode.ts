// Encode: what is desired becomes ThingPark's `DevEUI_downlink`, or the reason why it cannot. Pure; never throws.
//
// A document may be `{FPort, payload_hex | payload, Confirmed, …}`, the same under `DevEUI_downlink`, or any other object: that
// is the driver's JSON, and goes as `payload` with the driver of the device's last uplink. Published examples have numbers as
// texts: both are read, numbers are written. Source: the message formats of ThingPark X IoT Flow, "Downlink message".
import { isObject, type JsonObject } from './json.ts';

export interface EncodeContext {
  /** 16 upper-case hex digits. */
  readonly device: string;
  /** The port where the document names none; null: there is none. */
  readonly port: number | null;
  readonly asId: string | null;
  readonly asKey: string | null;
  /** JSON text of the device's `DriverCfg`; null: it is not known. */
  readonly driver: string | null;
  readonly correlationId: string;
  /** ISO 8601: set anew at each publication, because ThingPark checks how old it is. */
  readonly time: string;
}

export type Encoded =
  | {
      readonly ok: true;
      readonly message: string;
      readonly port: number;
      readonly confirmed: boolean;
      /** Of `DevEUI_downlink`. */
      readonly content: JsonObject;
    }
  /** `cause`: in plain words, to follow "it was refused:". */
  | { readonly ok: false; readonly cause: string };

/** LoRaWAN's longest application payload in any region. */
const MAX_PAYLOAD_BYTES = 242;
const MAX_DRIVER_JSON = 10_000;
const MAX_COUNTER = 2 ** 32 - 1;
const FORM_FIELDS = ['payload_hex', 'payload', 'FPort'];
const FLAGS = ['Confirmed', 'FlushDownlinkQueue', 'RetryIneligibleGateways'] as const;
/** Read, or set by the bridge itself. */
const KNOWN = new Set<string>([
  ...['Time', 'DevEUI', 'FPort', 'payload_hex', 'payload', 'ValidityTime', 'AS_ID', 'AS_KEY', 'Token', 'CorrelationID'],
  ...['FCntDn', 'AFCntDn', 'DriverCfg', ...FLAGS],
]);
const ISO_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)$/;

class Refused extends Error {}

export function encode(document: unknown, context: EncodeContext): Encoded {
  try {
    const { message, port, confirmed } = build(contentOf(document), context);
    return { ok: true, message: JSON.stringify({ DevEUI_downlink: message }), port, confirmed, content: message };
  } catch (error) {
    if (error instanceof Refused) return { ok: false, cause: error.message };
    // Nested so deep that it cannot be written.
    return { ok: false, cause: 'the document is nested too deep' };
  }
}

/** The fields of `DevEUI_downlink`. */
function contentOf(document: unknown): JsonObject {
  if (!isObject(document)) throw new Refused('the desired payload is no JSON object');
  if (Object.hasOwn(document, 'DevEUI_downlink')) {
    const content = document.DevEUI_downlink;
    if (!isObject(content)) throw new Refused('DevEUI_downlink holds no object');
    return content;
  }
  if (FORM_FIELDS.some((name) => Object.hasOwn(document, name))) return document;
  if (Object.keys(document).length === 0) throw new Refused('the desired payload is empty');
  return { payload: document };
}

function build(content: JsonObject, context: EncodeContext) {
  for (const name of Object.keys(content)) {
    if (!KNOWN.has(name)) throw new Refused(`${name.slice(0, 40)} is no field of a downlink`);
  }
  if (content.DevEUI !== undefined && !isDevice(content.DevEUI, context.device)) {
    throw new Refused('it names another device');
  }
  const port = portOf(content.FPort ?? context.port);
  const flags: Record<string, number> = {};
  for (const name of FLAGS) if (content[name] !== undefined) flags[name] = flagOf(name, content[name]);
  const { driver, device: DevEUI, time: Time, correlationId: CorrelationID } = context;
  const payload = payloadOf(content);
  const message = {
    Time,
    DevEUI,
    FPort: port,
    ...payload,
    ...flags,
    ...(content.ValidityTime === undefined ? {} : { ValidityTime: validityOf(content.ValidityTime) }),
    ...named('AS_ID', context.asId ?? content.AS_ID),
    ...named('AS_KEY', context.asKey ?? content.AS_KEY),
    ...(content.Token === undefined ? {} : { Token: hexOf('Token', content.Token, 64) }),
    ...counters(content),
    CorrelationID,
    ...driverOf(content.DriverCfg, 'payload' in payload ? driver : null),
  };
  return { message, port, confirmed: flags.Confirmed === 1 };
}

function payloadOf({ payload_hex: hex, payload }: JsonObject): { payload_hex: string } | { payload: JsonObject } {
  if (hex !== undefined && payload !== undefined) throw new Refused('it has both payload_hex and payload');
  if (hex !== undefined) {
    if (typeof hex !== 'string' || !/^[0-9A-Fa-f]*$/.test(hex)) throw new Refused('payload_hex is not hexadecimal');
    if (hex === '') throw new Refused('payload_hex is empty');
    if (hex.length % 2 === 1) throw new Refused('payload_hex has an odd number of digits');
    const bytes = hex.length / 2;
    if (bytes > MAX_PAYLOAD_BYTES) throw new Refused(`payload_hex has ${bytes} bytes, more than ${MAX_PAYLOAD_BYTES}`);
    return { payload_hex: hex };
  }
  if (payload === undefined) throw new Refused('it has neither payload_hex nor payload');
  if (!isObject(payload)) throw new Refused('payload is no JSON object');
  if (JSON.stringify(payload).length > MAX_DRIVER_JSON) throw new Refused('payload is too long for a driver');
  return { payload };
}

function portOf(value: unknown): number {
  if (value === null || value === undefined) {
    throw new Refused('it names no FPort, and the connection has no downlinkPort');
  }
  const port = numberOf(value);
  if (!Number.isInteger(port) || port < 1 || port > 224) throw new Refused('FPort is not a whole number from 1 to 224');
  return port;
}

function flagOf(name: string, value: unknown): 0 | 1 {
  const flag = typeof value === 'boolean' ? Number(value) : numberOf(value);
  if (flag !== 0 && flag !== 1) throw new Refused(`${name} is neither 0 nor 1`);
  return flag;
}

/** Seconds, or a time. */
function validityOf(value: unknown): number | string {
  const seconds = numberOf(value);
  if (Number.isInteger(seconds) && seconds >= 1 && seconds <= MAX_COUNTER) return seconds;
  if (typeof value === 'string' && ISO_TIME.test(value) && !Number.isNaN(Date.parse(value))) return value;
  throw new Refused('ValidityTime is neither a number of seconds nor an ISO 8601 time with an offset');
}

function counters({ FCntDn, AFCntDn }: JsonObject): object {
  if (FCntDn !== undefined && AFCntDn !== undefined) throw new Refused('it has both FCntDn and AFCntDn');
  if (FCntDn !== undefined) return { FCntDn: counterOf('FCntDn', FCntDn) };
  return AFCntDn === undefined ? {} : { AFCntDn: counterOf('AFCntDn', AFCntDn) };
}

function counterOf(name: string, value: unknown): number {
  const counter = numberOf(value);
  if (Number.isInteger(counter) && counter >= 0 && counter <= MAX_COUNTER) return counter;
  throw new Refused(`${name} is no frame counter`);
}

function hexOf(name: string, value: unknown, digits: number): string {
  if (typeof value === 'string' && value.length === digits && /^[0-9A-Fa-f]+$/.test(value)) return value;
  throw new Refused(`${name} does not have ${digits} hexadecimal digits`);
}

function named(name: string, value: unknown): Record<string, string> {
  if (value === undefined || value === null) return {};
  if (typeof value !== 'string' || value === '' || value.length > 200) throw new Refused(`${name} is no text`);
  return { [name]: value };
}

function driverOf(given: unknown, known: string | null): { DriverCfg?: JsonObject } {
  if (given !== undefined) {
    if (!isObject(given)) throw new Refused('DriverCfg is no object');
    return { DriverCfg: given };
  }
  return known === null ? {} : { DriverCfg: JSON.parse(known) as JsonObject };
}

/** NaN: it is none. */
function numberOf(value: unknown): number {
  if (typeof value === 'number') return value;
  return typeof value === 'string' && /^\d{1,10}$/.test(value) ? Number(value) : Number.NaN;
}

function isDevice(value: unknown, device: string): boolean {
  return typeof value === 'string' && value.length <= 40 && value.replaceAll(/[-:]/g, '').toUpperCase() === device;
}
