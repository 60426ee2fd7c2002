// The two halves of a device's shadow, put together from what is kept, in the forms of v2 (ms) and v4 (ISO times).
import type { Device } from './devices.ts';
import { isObject } from './validation/fields.ts';

type Json = Record<string, unknown>;

export interface Shadow {
  readonly desired: Json;
  readonly reported: Json;
}

export function shadowOf(device: Device): Shadow {
  return { desired: desiredOf(device), reported: reportedOf(device) };
}

/** Empty when nothing was ever desired. */
export function desiredOf(device: Device): Json {
  return device.desired ? { ...device.desired } : {};
}

/** Each part is that of the latest record that had it. */
export function reportedOf(device: Device): Json {
  if (device.lastTimestamp === 0) return {};
  // Most often all parts are of one record, which is parsed once.
  const parsed = new Map<string, Json>();
  const part = (text: string | null, name: string): Json | null => {
    if (text === null) return null;
    let record = parsed.get(text);
    if (!record) {
      record = JSON.parse(text) as Json;
      parsed.set(text, record);
    }
    const value = record[name];
    return isObject(value) ? value : null;
  };
  const reported: Json = { timestamp: device.lastTimestamp };
  const position = part(device.positionText, 'position');
  if (position) reported.position = position;
  const payload = part(device.payloadText, 'payload');
  if (payload) reported.payload = payload;
  const { reportedSensorData: _, ...client } = part(device.clientText, 'system') ?? {};
  const sensors = part(device.sensorsText, 'system')?.reportedSensorData;
  const system: Json = {
    ...client,
    ...(sensors === undefined ? {} : { reportedSensorData: sensors }),
    ...(device.stateVersion < 0 ? {} : { stateVersion: device.stateVersion }),
  };
  if (Object.keys(system).length > 0) reported.system = system;
  return reported;
}

/** Keeps what a record says for the device's shadow. `text` is its JSON. An older record only fills what is empty. */
export function report(device: Device, record: Json, timestamp: number, text: string): void {
  const newest = timestamp >= device.lastTimestamp;
  if (record.position !== undefined && (newest || device.positionText === null)) device.positionText = text;
  if (record.payload !== undefined && (newest || device.payloadText === null)) device.payloadText = text;
  const system = record.system;
  if (system !== undefined) {
    const { reportedSensorData, stateVersion, ...client } = system as Json;
    if (reportedSensorData !== undefined && (newest || device.sensorsText === null)) device.sensorsText = text;
    if (typeof stateVersion === 'number' && (newest || device.stateVersion < 0)) device.stateVersion = stateVersion;
    for (const _ in client) {
      if (newest || device.clientText === null) device.clientText = text;
      break;
    }
  }
  if (newest) device.lastTimestamp = timestamp;
}

/** `/shadows/v4` writes every time as ISO 8601 where v2 has milliseconds. */
export function inIsoTimes(shadow: Shadow): Shadow {
  return { desired: isoDesired(shadow.desired), reported: isoReported(shadow.reported) };
}

function isoDesired(desired: Json): Json {
  const out = withIso(desired, ['timestamp']);
  if (!isObject(out.system)) return out;
  const system = withIso(out.system, ['lastModifiedGeofenceTimestamp']);
  if (isObject(system.disableTracking) && Array.isArray(system.disableTracking.periods)) {
    const periods = system.disableTracking.periods.map((period: unknown) =>
      isObject(period) ? withIso(period, ['begin', 'end']) : period,
    );
    system.disableTracking = { ...system.disableTracking, periods };
  }
  return { ...out, system };
}

function isoReported(reported: Json): Json {
  const out = withIso(reported, ['timestamp']);
  return isObject(out.position) ? { ...out, position: withIso(out.position, ['timestamp']) } : out;
}

function withIso(value: Json, names: readonly string[]): Json {
  const out = { ...value };
  for (const name of names) {
    const time = out[name];
    if (typeof time === 'number') out[name] = new Date(time).toISOString();
  }
  return out;
}
