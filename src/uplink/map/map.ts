// From a frame to HERE's telemetry records: facts, then the tables of rules in their order, then the JSON text, made once.

import type { MappingDefinition, UplinkFormat } from '../../domain/connection.ts';
import type { SkipReason, TelemetryRecord } from '../../domain/uplink.ts';
import { EMPTY_FRAME, type Frame, type Technology } from '../envelopes/frame.ts';
import { clientJson } from './client-rules.ts';
import { emptyDetails, readDetails } from './details.ts';
import { FactReader } from './fact-reader.ts';
import type { Facts } from './facts.ts';
import {
  ACCURACY_RULES,
  ALTITUDE_RULES,
  FIX_TIME_RULES,
  MOTION_RULES,
  SATELLITE_RULES,
  TYPE_RULES,
} from './fix-rules.ts';
import { type Given, givenFix, givenType, isSkipped, plausibleOrNull } from './given.ts';
import { MEANING, MEANINGS, sensorBit } from './keys.ts';
import { compileOverrides } from './overrides.ts';
import { type Payload, PayloadFitter, type PlainSource } from './payload.ts';
import { readPoints } from './points.ts';
import { POSITION_RULES } from './position-rules.ts';
import { type Details, type Fix, type FixContext, firstOf, type MapContext, type Trace } from './rule.ts';
import { SCAN_RULES, type Scan, type ScanContext, scanJson } from './scan-rules.ts';
import { SENSOR_FIELDS } from './sensor-rules.ts';

export interface MapOptions {
  readonly format: UplinkFormat;
  /** m, for positions that tell no accuracy (HERE requires one). */
  readonly defaultAccuracyM: { readonly satellite: number; readonly network: number };
  readonly mapping?: readonly MappingDefinition[] | undefined;
}

export type Mapped =
  | {
      readonly kind: 'records';
      readonly records: readonly TelemetryRecord[];
      readonly usedStatusBattery: boolean;
      readonly hasPosition: boolean;
    }
  | { readonly kind: 'tooDeep' }
  /** Nothing in it that HERE could take. A bare record would be an empty trace point and a false sign of life. */
  | { readonly kind: 'empty'; readonly reason: SkipReason; readonly why: string };

export type Mapper = (
  frame: Frame & { readonly device: string },
  timestamp: number,
  statusBattery: number | null,
  source: PlainSource | null,
  topic: string,
  trace: Trace | null,
) => Mapped;

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** Compiled once per definition. Not to be entered twice at once (it is synchronous and keeps buffers). */
export function compileMap(options: MapOptions): Mapper {
  const fitter = new PayloadFitter();
  const facts = new FactReader();
  const { defaultAccuracyM, format } = options;
  const overrides = compileOverrides(options.mapping);
  const used = new Uint8Array(MEANINGS);
  const context: Writable<FixContext> = {
    frame: EMPTY_FRAME,
    facts,
    points: [],
    timestamp: 0,
    defaultAccuracyM,
    statusBattery: null,
    skip: null,
    used,
    fix: NO_FIX,
    own: NOTHING_BESIDE,
    outer: NOTHING_BESIDE,
    technology: 'network',
  };
  return (frame, timestamp, statusBattery, source, topic, trace) => {
    used.fill(0);
    facts.read(frame);
    context.frame = frame;
    context.points = readPoints(frame.points);
    context.timestamp = timestamp;
    context.statusBattery = statusBattery;
    const overriding = overrides === null ? null : overrides(frame, topic, trace);
    const given = overriding === null ? null : overriding.values;
    context.skip = overriding === null ? null : overriding.skip;
    const fixes =
      givenFix(given) ??
      (isSkipped(context, '/position') ? null : firstOf('position', POSITION_RULES, context, trace, places));
    const sensors = sensorsJson(context, given, trace);
    const positions: string[] = [];
    if (fixes !== null) {
      markPosition(used);
      for (let i = 0; i < fixes.length; i++) {
        positions.push(positionOf(context, fixes[i] as Fix, given, i === fixes.length - 1 ? trace : null));
      }
      if (fixes.length > 1) trace?.note(`${fixes.length} fixes with times of their own: one record each`);
    }
    const scan = scanOf(context, fixes === null ? null : context.technology, trace);
    if (fixes === null && sensors.json === '' && scan === '') {
      if (frame.kind === 'location')
        return { kind: 'empty', reason: 'report', why: 'a location message without a place' };
      if (isBodyOnly(frame, facts))
        return { kind: 'empty', reason: 'mac', why: 'no payload, and nothing that a rule knows' };
    }
    const payload = fitter.fit(payloadInput(frame, format, used, source));
    if (!payload.ok) return { kind: 'tooDeep' };
    tracePayload(payload, frame, format, trace);
    const client = clientJson(frame, given, trace);
    const system = systemJson(client, sensors.json);
    const records = recordsOf(
      frame.device,
      timestamp,
      positions,
      `${scan}${system}`,
      payload.json,
      source !== null && given === null,
    );
    return { kind: 'records', records, hasPosition: fixes !== null, usedStatusBattery: sensors.usedStatusBattery };
  };
}

/** `technology`: of the position that the record has; null: it has none. */
function scanOf(context: MapContext, technology: Technology | null, trace: Trace | null): string {
  const { facts, frame, used, skip } = context;
  if ((facts.heard.length === 0 && trace === null) || isSkipped(context, '/scan')) return '';
  const isOld = frame.located !== null && frame.located.stale !== null;
  const position = isOld ? 'old' : technology === null ? 'none' : technology === 'gnss' ? 'satellite' : 'solved';
  const scan = firstOf<ScanContext, Scan>('scan', SCAN_RULES, { facts, position, skip }, trace, shownScan);
  if (scan === null) return '';
  used[MEANING.scan] = 1;
  return scanJson(scan);
}

function shownScan({ wlan, bt }: Scan): unknown {
  return { wlan: wlan.length, bt: bt.length };
}

/** For the trace: the fixes without the objects that they were read from. */
function places(fixes: readonly Fix[]): unknown {
  const shown = fixes.map(({ lat, lng }) => ({ lat, lng }));
  return shown.length === 1 ? shown[0] : shown;
}

/** A transformed message without a root and without anything that a rule knows is no telemetry. */
function isBodyOnly(frame: Frame, facts: Facts): boolean {
  return (
    frame.kind === 'uplink' && facts.root === frame.body && frame.payloadHex === null && frame.decodeError === null
  );
}

/** The latest fix carries sensors and payload; earlier ones of the same frame only their place. */
function recordsOf(
  device: string,
  timestamp: number,
  positions: readonly string[],
  system: string,
  payload: string,
  isPlain: boolean,
): readonly TelemetryRecord[] {
  const head = `{"id":"${device}","timestamp":${timestamp}`;
  const records: TelemetryRecord[] = [];
  for (let i = 0; i < positions.length - 1; i++)
    records.push(record(device, timestamp, `${head}${positions[i]}}`, true));
  const last = positions.length === 0 ? '' : positions[positions.length - 1];
  records.push(record(device, timestamp, `${head}${last}${system},"payload":${payload}}`, isPlain));
  return records;
}

const BRACE = 0x7b;

function record(device: string, timestamp: number, json: string, isPlain: boolean): TelemetryRecord {
  // The engine joins the parts at the first look into the text, and lets go of the message that they were cut from.
  if (json.charCodeAt(0) !== BRACE) throw new Error(`a record begins with ${json.slice(0, 10)}`);
  return { device, json, bytes: isPlain ? json.length : Buffer.byteLength(json), timestamp };
}

function positionOf(c: Writable<FixContext>, fix: Fix, given: Given, trace: Trace | null): string {
  const { facts, timestamp, defaultAccuracyM } = c;
  c.fix = fix;
  c.outer = facts.root === null ? NOTHING_BESIDE : readDetails(facts.root, outer);
  c.own = fix.at === null ? NOTHING_BESIDE : fix.at === facts.root ? c.outer : readDetails(fix.at, own);
  c.technology = 'network';
  const type = givenType(given) ?? firstOf('position.type', TYPE_RULES, c, trace);
  if (type !== null) c.technology = type.technology;
  const set = (name: string): number | null => (given?.get(`/position/${name}`) as number | undefined) ?? null;
  const accuracy =
    set('accuracy') ?? firstOf('position.accuracy', ACCURACY_RULES, c, trace) ?? defaultAccuracyM.network;
  const alt = set('alt') ?? firstOf('position.alt', ALTITUDE_RULES, c, trace);
  const speed = set('speed');
  const heading = set('heading');
  const motion =
    speed !== null && heading !== null
      ? { speed, heading }
      : firstOf('position.speed, position.heading', MOTION_RULES, c, trace);
  const satellites = set('satellitecount') ?? firstOf('position.satellitecount', SATELLITE_RULES, c, trace);
  const time = plausibleOrNull(set('timestamp'), timestamp) ?? firstOf('position.timestamp', FIX_TIME_RULES, c, trace);
  let json = `,"position":{"lat":${fix.lat},"lng":${fix.lng},"accuracy":${accuracy}`;
  if (alt !== null) json += `,"alt":${alt}`;
  if (type !== null && type.type !== null) json += `,"type":"${type.type}"`;
  if (motion !== null) json += `,"heading":${motion.heading},"speed":${motion.speed}`;
  if (satellites !== null && c.technology === 'gnss') json += `,"satellitecount":${satellites}`;
  if (time !== null) json += `,"timestamp":${time}`;
  return `${json}}`;
}
const NO_FIX: Fix = {
  lat: Number.NaN,
  lng: Number.NaN,
  at: null,
  source: 'located',
  time: Number.NaN,
  alt: Number.NaN,
};
const NOTHING_BESIDE: Details = Object.freeze(emptyDetails());
const own = emptyDetails();
const outer = emptyDetails();

function sensorsJson(
  context: MapContext,
  given: Given,
  trace: Trace | null,
): { json: string; usedStatusBattery: boolean } {
  let json = '';
  let usedStatusBattery = false;
  const told = toldSensors(context);
  for (const { field, sensors, rules } of SENSOR_FIELDS) {
    // Most frames tell of few sensors: the rules of the others are not asked.
    if ((trace === null && (told & sensors) === 0) || given?.has(`${SENSORS}${field}`) === true) continue;
    const value = firstOf(trace === null ? field : `system.reportedSensorData.${field}`, rules, context, trace);
    if (value === null) continue;
    json += json === '' ? `"${field}":${value}` : `,"${field}":${value}`;
    if (field === 'batteryLevel') {
      usedStatusBattery = context.statusBattery !== null && context.used[MEANING.batteryPercent] === 0;
    }
  }
  if (given !== null) {
    for (const [field, value] of given) {
      if (!field.startsWith(SENSORS)) continue;
      json += `${json === '' ? '' : ','}"${field.slice(SENSORS.length)}":${value}`;
    }
  }
  return { json, usedStatusBattery };
}
const SENSORS = '/system/reportedSensorData/';

/** What a reading, a point, a device status or the network tells of, as a set. */
function toldSensors({ facts, points, statusBattery, frame }: MapContext): number {
  let told = facts.sensors;
  for (const point of points) told |= sensorBit(point.meaning);
  return statusBattery === null && Number.isNaN(frame.networkBattery) ? told : told | sensorBit(MEANING.batteryPercent);
}

function systemJson(client: string | null, sensors: string): string {
  if (client === null && sensors === '') return '';
  if (sensors === '') return `,"system":{"client":${client}}`;
  const reported = `"reportedSensorData":{${sensors}}`;
  return client === null ? `,"system":{${reported}}` : `,"system":{"client":${client},${reported}}`;
}

function markPosition(used: Uint8Array): void {
  for (let meaning: number = MEANING.latitude; meaning <= MEANING.age; meaning++) used[meaning] = 1;
  for (const meaning of [MEANING.abeewaySpeed, MEANING.abeewayCourse, MEANING.headingDeg, MEANING.speedKmh]) {
    used[meaning] = 1;
  }
}

function payloadInput(frame: Frame, format: UplinkFormat, used: Uint8Array, source: PlainSource | null) {
  const { body, payloadHex, decoded } = frame;
  const isUndecoded = decoded === null;
  if (format === 'decoded') {
    const content = body.payload;
    if (typeof content === 'object' && content !== null) {
      return {
        content: content as Frame['body'],
        rootKey: null,
        payloadHex,
        isUndecoded: false,
        used,
        source: source && { ...source, at: -1 },
      };
    }
    return { content: body, rootKey: null, payloadHex, isUndecoded, used, source };
  }
  const rootKey = format === 'flat' ? null : frame.rootKey;
  return { content: body, rootKey, payloadHex, isUndecoded, used, source };
}

function tracePayload(payload: Payload & { ok: true }, frame: Frame, format: UplinkFormat, trace: Trace | null): void {
  if (trace === null) return;
  const how = payload.cut ? 'fitted into 1000 bytes, "_cut" tells so' : 'whole';
  trace.gave('payload', `payload-${format}`, `${how}: ${Buffer.byteLength(payload.json)} bytes`);
  if (frame.decodeError !== null) trace.note(`the driver failed: ${frame.decodeError.message}`);
}
