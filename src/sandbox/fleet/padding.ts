// Uplinks of one exact size, made by patching prepared messages: for benchmarks, where making them must cost next to nothing.
import {
  createFleet,
  DEFAULT_TOPIC_PATTERN,
  devEuiOf,
  euiPrefixOf,
  type Fleet,
  type FleetMessage,
  type FleetOptions,
  TELEMETRY_ONLY,
} from './fleet.ts';

export interface PaddedFleetOptions extends Omit<FleetOptions, 'mix'> {
  /** Exact size of each payload in bytes: whole uplinks from about 1,400 on, bare temperatures below. */
  readonly payloadBytes: number;
}

/** How many different messages are prepared; device, time and frame counter are patched into copies of them. */
const TEMPLATES = 64;
/** Five digits, so that the counter keeps its width: 10,000 … 65,535, then again. */
const FIRST_COUNT = 10_000;
const COUNTS = 55_536;
const TIME = '2000-01-01T00:00:00.000+00:00';

interface Template {
  readonly bytes: Buffer;
  readonly devEuiAt: number;
  readonly timeAt: number;
  readonly countAt: number;
}

/**
 * A fleet of live uplinks only, each `payloadBytes` long, at some two microseconds a message. Every message has its own
 * device and time, and counts its frames; places repeat. The payload is a Buffer of its own. Throws a RangeError when not
 * even a bare message fits into `payloadBytes`.
 */
export function createPaddedFleet(options: PaddedFleetOptions): Fleet {
  const prefix = euiPrefixOf(options);
  const topicParts = (options.topicPattern ?? DEFAULT_TOPIC_PATTERN).split('{DevEUI}');
  // Tells at once when the size is too small; prepared again at the first call, for the times inside payloads.
  let templates = prepare(options, 0);
  const lastMs = new Map<number, number>();
  let count = 0;
  return {
    size: options.devices,
    devEui: (index) => devEuiOf(prefix, index),
    next(nowMs): FleetMessage {
      if (count === 0) templates = prepare(options, nowMs);
      const index = count % options.devices;
      const devEui = devEuiOf(prefix, index);
      const timeMs = Math.max(nowMs, (lastMs.get(index) ?? 0) + 1);
      lastMs.set(index, timeMs);
      // By device: a device does not change its model.
      const template = templates[index % templates.length] as Template;
      const payload = Buffer.allocUnsafe(template.bytes.length);
      template.bytes.copy(payload);
      payload.write(devEui, template.devEuiAt, 'latin1');
      payload.write(new Date(timeMs).toISOString().slice(0, 23), template.timeAt, 'latin1');
      const frame = FIRST_COUNT + (Math.floor(count / options.devices) % COUNTS);
      payload.write(String(frame), template.countAt, 'latin1');
      count += 1;
      return { topic: topicParts.join(devEui), payload, devEui, kind: 'uplink', timeMs };
    },
  };
}

function prepare(options: PaddedFleetOptions, nowMs: number): readonly Template[] {
  const source = createFleet({
    ...options,
    devices: TEMPLATES,
    mix: { ...TELEMETRY_ONLY, failedFix: 0, numbersAsStrings: 0, undecoded: 0 },
  });
  const templates: Template[] = [];
  for (let n = 0; n < TEMPLATES * 4 && templates.length < TEMPLATES; n++) {
    const template = fitted(String(source.next(nowMs).payload), options.payloadBytes);
    if (template) templates.push(template);
  }
  return templates.length > 0 ? templates : [bare(options)];
}

/** The least that still is an uplink with telemetry. */
function bare(options: PaddedFleetOptions): Template {
  const payload = { temperature: 20.5, note: '' };
  const root = { Time: TIME, DevEUI: '0'.repeat(16), FPort: 5, FCntUp: FIRST_COUNT, payload_hex: '00' };
  const customer = options.tags?.length ? { CustomerData: { tags: options.tags } } : {};
  const body = { DevEUI_uplink: { ...root, ...customer, payload } };
  const missing = options.payloadBytes - Buffer.byteLength(JSON.stringify(body));
  if (missing < 0) throw new RangeError(`no uplink fits into ${options.payloadBytes} bytes`);
  payload.note = 'x'.repeat(missing);
  return templateOf(JSON.stringify(body));
}

interface Root {
  Time: string;
  FCntUp: number;
  BaseStationData: { name: string };
  Lrrs: { Lrr: object[] };
}

/** Fills up with further gateways' receptions, then with the base station's name to the byte. null: too long as it is. */
function fitted(json: string, bytes: number): Template | null {
  const body = JSON.parse(json) as { DevEUI_uplink: Root };
  const root = body.DevEUI_uplink;
  root.Time = TIME;
  root.FCntUp = FIRST_COUNT;
  const reception = root.Lrrs.Lrr[0] as object;
  const one = JSON.stringify(reception).length + 1;
  let missing = bytes - Buffer.byteLength(JSON.stringify(body));
  if (missing < 0) return null;
  // A frame is hardly heard by more than ten gateways.
  for (; missing > one && root.Lrrs.Lrr.length < 10; missing -= one) root.Lrrs.Lrr.push(reception);
  root.BaseStationData.name += 'x'.repeat(missing);
  return templateOf(JSON.stringify(body));
}

/** Tags may have letters of more than one byte: places are counted in bytes. */
function templateOf(json: string): Template {
  const bytes = Buffer.from(json);
  const after = (key: string): number => bytes.indexOf(key) + key.length;
  return { bytes, devEuiAt: after('"DevEUI":"'), timeAt: after('"Time":"'), countAt: after('"FCntUp":') };
}
