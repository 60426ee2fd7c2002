// ThingPark's messages, recognised by shape: rooted uplinks and reports, the same without their root, resolved positions.
// Source: the published message formats of ThingPark X IoT Flow.
import { anyTime } from '../iso-time.ts';
import { devEui, isObject, type JsonObject, num, radius, text } from '../values.ts';
import { type Envelope, type Frame, type Located, NO_OBJECT, NOTHING, type Technology } from './frame.ts';

export function readThingPark(root: JsonObject): Envelope | null {
  if (root.DevEUI_uplink !== undefined) return rooted(root, 'DevEUI_uplink', uplink);
  if (root.DevEUI_location !== undefined) return rooted(root, 'DevEUI_location', location);
  if (root.DevEUI_downlink_Sent !== undefined) return report(root, 'DevEUI_downlink_Sent');
  if (root.DevEUI_downlink_Rejected !== undefined) return report(root, 'DevEUI_downlink_Rejected');
  if (root.DevEUI_notification !== undefined) return notification(root, 'DevEUI_notification');
  if (root.DevEUI_alarm !== undefined) return noTelemetry(root, 'DevEUI_alarm', 'alarm');
  if (root.BS_alarm !== undefined) return noTelemetry(root, 'BS_alarm', 'alarm');
  if (root.DevEUI_multicast_summary !== undefined) return noTelemetry(root, 'DevEUI_multicast_summary', 'multicast');
  // A command on its way out, heard on a topic that the filter takes in: it is no telemetry.
  if (root.DevEUI_downlink !== undefined) return report(root, 'DevEUI_downlink');
  if (root.deviceEUI !== undefined) return resolved(root);
  if (root.DevEUI !== undefined) return rootless(root);
  return null;
}

function rooted(root: JsonObject, key: string, read: (body: JsonObject, rootKey: string) => Envelope): Envelope {
  const body = root[key];
  return isObject(body) ? read(body, key) : { kind: 'unreadable', message: `${key} holds no object` };
}

function noTelemetry(
  root: JsonObject,
  name: string,
  reason: 'alarm' | 'multicast' | 'report',
): Extract<Envelope, { kind: 'noTelemetry' }> {
  const body = root[name];
  const device = isObject(body) ? devEui(body.DevEUI) : null;
  return { kind: 'noTelemetry', reason, device, name, batteryLevel: null };
}

function report(root: JsonObject, name: string): Envelope {
  const body = root[name];
  const envelope = noTelemetry(root, name, 'report');
  return isObject(body) ? { ...envelope, report: body } : envelope;
}

function notification(root: JsonObject, name: string): Envelope {
  const body = root[name];
  if (!isObject(body)) return noTelemetry(root, name, 'report');
  const type = text(body.Type, 40);
  return {
    kind: 'noTelemetry',
    reason: 'notification',
    device: devEui(body.DevEUI),
    name: type === null ? name : `${name} (${type})`,
    batteryLevel: type === 'devstatusans' ? deviceStatusBattery(num(body.Var1)) : null,
  };
}

/** LoRaWAN's DevStatusAns: 0 external power, 255 unknown, 1..254 from empty to full. */
function deviceStatusBattery(value: number): number | null {
  return value >= 1 && value <= 254 ? Math.round(((value - 1) / 253) * 100) : null;
}

function rootless(body: JsonObject): Envelope {
  if (body.DeliveryStatus !== undefined) return report({ DevEUI_downlink_Sent: body }, 'DevEUI_downlink_Sent');
  if (body.DevLAT !== undefined && body.DevLON !== undefined) return location(body, 'DevEUI_location');
  if (body.Type !== undefined && body.Var1 !== undefined) {
    return notification({ DevEUI_notification: body }, 'DevEUI_notification');
  }
  if (body.TransmissionStatus !== undefined && body.LrrCnt !== undefined) {
    return noTelemetry({ DevEUI_multicast_summary: body }, 'DevEUI_multicast_summary', 'multicast');
  }
  return uplink(body, 'DevEUI_uplink', true);
}

function skipped(reason: 'join' | 'mac', device: string | null, name: string): Envelope {
  return { kind: 'noTelemetry', reason, device, name, batteryLevel: null };
}

function uplink(body: JsonObject, rootKey: string, isRootless = false): Envelope {
  const device = devEui(body.DevEUI);
  if (body.rawJoinRequest !== undefined) return skipped('join', device, 'DevEUI_uplink with rawJoinRequest');
  const payloadHex = text(body.payload_hex, 1024);
  const payload = body.payload;
  let decoded: unknown = typeof payload === 'object' && payload !== null ? payload : null;
  const isEmpty = decoded === null && (payload === undefined || payload === null || payload === '');
  if (payloadHex === null && isEmpty && body.payloadDecodedError === undefined) {
    // Without its root the message may be a transformed one whose fields stand beside DevEUI.
    if (!isRootless || body.rawMacCommands !== undefined) return skipped('mac', device, 'MAC commands only');
  }
  if (num(body.FPort) === 0) return skipped('mac', device, 'MAC commands on FPort 0');
  if (decoded === null && isRootless && payloadHex === null) decoded = body;
  const customer = customerData(body.CustomerData);
  const { maker, model } = makerAndModel(body.DriverCfg, customer.alr, null);
  return {
    kind: 'frame',
    frame: {
      network: 'thingpark',
      kind: 'uplink',
      device,
      fCnt: counter(body.FCntUp),
      receivedAt: anyTime(body.Time),
      receivedFrom: 'Time',
      rootKey,
      body,
      decoded,
      extras: NOTHING,
      points: isObject(body.points) ? body.points : null,
      payloadHex: payloadHex ?? (typeof payload === 'string' ? text(payload, 1024) : null),
      located: null,
      maker,
      model,
      tags: customer.tags,
      services: body.ModelCfg,
      decodeError: decodeError(body.payloadDecodedError),
      networkBattery: Number.NaN,
    },
  };
}
/** LoRaWAN's counters have 32 bits. */
function counter(value: unknown): number | undefined {
  const count = num(value);
  return count >= 0 && count <= 0xffff_ffff && Number.isInteger(count) ? count : undefined;
}

function decodeError(value: unknown): Frame['decodeError'] {
  if (!isObject(value)) return null;
  return { code: text(value.code, 40) ?? 'unknown', message: text(value.message, 300) ?? 'no message' };
}

function location(body: JsonObject, rootKey: string): Envelope {
  const time = anyTime(body.Time);
  const locatedAt = anyTime(body.DevLocTime);
  const accuracy = radius(body.DevLocRadius);
  const altitude = num(body.DevAlt);
  const customer = customerData(body.CustomerData);
  const { maker, model } = makerAndModel(body.DriverCfg, customer.alr, null);
  return {
    kind: 'frame',
    frame: {
      network: 'thingpark',
      kind: 'location',
      device: devEui(body.DevEUI),
      receivedAt: !Number.isNaN(time) ? time : locatedAt,
      receivedFrom: !Number.isNaN(time) ? 'Time' : 'DevLocTime, since Time is not readable',
      rootKey,
      body,
      decoded: null,
      extras: NOTHING,
      points: null,
      payloadHex: null,
      located: {
        lat: num(body.DevLAT),
        lng: num(body.DevLON),
        // 0 with a vertical radius of 0 stands for "unknown", as the horizontal radius of 0 does.
        alt: altitude === 0 && num(body.DevAltRadius) === 0 ? Number.NaN : altitude,
        accuracy,
        time: locatedAt,
        age: Number.NaN,
        technology: 'network',
        northVelocity: num(body.DevNorthVel),
        eastVelocity: num(body.DevEastVel),
        stale: null,
        unknownState: null,
      },
      maker,
      model,
      tags: customer.tags,
      services: body.ModelCfg,
      decodeError: null,
      fCnt: counter(body.DevUlFCntUpUsed),
      networkBattery: Number.NaN,
    },
  };
}

/** The Location Engine's resolved position: its DevEUI is in lower case, its body has no root. */
function resolved(body: JsonObject): Envelope {
  const feed = isObject(body.processedFeed) ? body.processedFeed : NO_OBJECT;
  const time = anyTime(body.time);
  const decoded = isObject(body.uplinkPayload) ? body.uplinkPayload : null;
  const customer = customerData(body.customerData ?? body.CustomerData);
  const { maker, model } = makerAndModel(body.DriverCfg, customer.alr, feed.deviceProfileId);
  return {
    kind: 'frame',
    frame: {
      network: 'thingpark',
      kind: 'resolved',
      device: devEui(body.deviceEUI),
      receivedAt: !Number.isNaN(time) ? time : anyTime(feed.receptionTime),
      receivedFrom: !Number.isNaN(time) ? 'time' : 'processedFeed.receptionTime',
      rootKey: null,
      body,
      decoded,
      extras: [body.resolvedTracker, feed],
      points: isObject(body.points) ? body.points : null,
      payloadHex: text(feed.payloadEncoded, 1024),
      located: solved(body),
      maker,
      model,
      tags: customer.tags,
      services: body.modelCfg ?? body.ModelCfg,
      decodeError: null,
      fCnt: counter(feed.sequenceNumber),
      networkBattery: Number.NaN,
    },
  };
}

function solved(body: JsonObject): Located {
  const coordinates = Array.isArray(body.coordinates) ? body.coordinates : NOTHING;
  const raw = isObject(body.rawPosition) ? body.rawPosition : NO_OBJECT;
  const state = body.validityState;
  const isPresent = state === undefined || state === null || state === 'NEW';
  const isKnown = isPresent || state === 'PREVIOUS';
  return {
    lng: num(coordinates[0]),
    lat: num(coordinates[1]),
    alt: num(coordinates[2]),
    accuracy: radius(body.horizontalAccuracy),
    time: Number.NaN,
    age: num(body.age),
    technology: solver(raw.rawPositionType),
    northVelocity: Number.NaN,
    eastVelocity: Number.NaN,
    stale: isPresent ? null : `validityState ${text(state, 40) ?? 'of an unknown kind'} is not NEW: an old place again`,
    unknownState: isKnown ? null : (text(state, 40) ?? 'of an unknown kind'),
  };
}

/** `RawPositionByGpsSolver`, `…WifiSolver`, `…BleSolver`, `…NetworkSolver` … */
function solver(type: unknown): Technology {
  if (typeof type !== 'string') return 'network';
  if (/gps|gnss/i.test(type)) return 'gnss';
  return /wi-?fi|wlan/i.test(type) ? 'wlan' : 'network';
}

/** An object; older platforms send it as a text of JSON. */
function customerData(value: unknown): JsonObject {
  if (isObject(value)) return value;
  if (typeof value !== 'string' || value.length > 10_000 || !value.startsWith('{')) return NO_OBJECT;
  try {
    const parsed: unknown = JSON.parse(value);
    return isObject(parsed) ? parsed : NO_OBJECT;
  } catch {
    return NO_OBJECT;
  }
}

/** From `DriverCfg.mod {pId, mId}`, else `CustomerData.alr.pro` ("ABEE/APY"), else a device profile ("ABEEWAY/MICRO"). */
function makerAndModel(
  driver: unknown,
  alr: unknown,
  profile: unknown,
): { maker: string | null; model: string | null } {
  if (isObject(driver) && isObject(driver.mod)) {
    const maker = text(driver.mod.pId, 100);
    const model = text(driver.mod.mId, 100);
    if (maker !== null || model !== null) return { maker, model };
  }
  const pro = (isObject(alr) ? text(alr.pro, 100) : null) ?? text(profile, 100);
  if (pro === null) return UNKNOWN_MODEL;
  const slash = pro.indexOf('/');
  if (slash < 0) return { maker: null, model: pro };
  return { maker: pro.slice(0, slash).trim() || null, model: pro.slice(slash + 1).trim() || null };
}
const UNKNOWN_MODEL = Object.freeze({ maker: null, model: null });
