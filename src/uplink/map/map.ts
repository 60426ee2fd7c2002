// From a frame to HERE's telemetry records: facts, then the tables of rules in their order, then the JSON text, made once.

import type { UplinkFormat } from '../../domain/connection.ts';
import type { SkipReason, TelemetryRecord, UplinkNotice } from '../../domain/uplink.ts';
import type { Frame } from '../envelopes/frame.ts';
import { clientJson } from './client-rules.ts';
import { details } from './details.ts';
import { type Facts, readFacts } from './facts.ts';
import {
  ACCURACY_RULES,
  ALTITUDE_RULES,
  FIX_TIME_RULES,
  MOTION_RULES,
  SATELLITE_RULES,
  TYPE_RULES,
} from './fix-rules.ts';
import { MEANING, MEANINGS } from './keys.ts';
import { type Payload, PayloadFitter } from './payload.ts';
import { readPoints } from './points.ts';
import { POSITION_RULES } from './position-rules.ts';
import { type Fix, type FixContext, firstOf, type MapContext, type Trace } from './rule.ts';
import { SENSOR_FIELDS } from './sensor-rules.ts';

export interface MapOptions {
  readonly format: UplinkFormat;
  /** m, for positions that tell no accuracy (HERE requires one). */
  readonly defaultAccuracyM: { readonly satellite: number; readonly network: number };
}

export type Mapped =
  | { readonly kind: 'records'; readonly records: readonly TelemetryRecord[]; readonly usedStatusBattery: boolean }
  | { readonly kind: 'tooDeep' }
  /** Nothing in it that HERE could take. A bare record would be an empty trace point and a false sign of life. */
  | { readonly kind: 'empty'; readonly reason: SkipReason; readonly why: string };

export type Mapper = (
  frame: Frame & { readonly device: string },
  timestamp: number,
  statusBattery: number | null,
  trace: Trace | null,
) => Mapped;

/** Compiled once per definition. Not to be entered twice at once (it is synchronous and keeps buffers). */
export function compileMap(options: MapOptions): Mapper {
  const fitter = new PayloadFitter();
  const used = new Uint8Array(MEANINGS);
  const { defaultAccuracyM, format } = options;
  return (frame, timestamp, statusBattery, trace) => {
    used.fill(0);
    const facts = readFacts(frame);
    const points = readPoints(frame.points);
    const context: MapContext = { frame, facts, points, timestamp, defaultAccuracyM, statusBattery, used };
    const fixes = firstOf('position', POSITION_RULES, context, trace, places);
    const sensors = sensorsJson(context, trace);
    if (fixes === null && sensors.json === '') {
      if (frame.kind === 'location')
        return { kind: 'empty', reason: 'report', why: 'a location message without a place' };
      if (isBodyOnly(frame, facts))
        return { kind: 'empty', reason: 'mac', why: 'no payload, and nothing that a rule knows' };
    }
    const positions: string[] = [];
    if (fixes !== null) {
      markPosition(used);
      for (let i = 0; i < fixes.length; i++) {
        positions.push(positionJson(context, fixes[i] as Fix, i === fixes.length - 1 ? trace : null));
      }
      if (fixes.length > 1) trace?.note(`${fixes.length} fixes with times of their own: one record each`);
    }
    const payload = fitter.fit(payloadInput(frame, format, used));
    if (!payload.ok) return { kind: 'tooDeep' };
    tracePayload(payload, frame, format, trace);
    const client = clientJson(frame, trace);
    const system = systemJson(client, sensors.json);
    const records = recordsOf(frame.device, timestamp, positions, system, payload.json);
    return { kind: 'records', records, usedStatusBattery: sensors.usedStatusBattery };
  };
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
): readonly TelemetryRecord[] {
  const head = `{"id":"${device}","timestamp":${timestamp}`;
  const records: TelemetryRecord[] = [];
  for (let i = 0; i < positions.length - 1; i++) records.push(record(device, timestamp, `${head}${positions[i]}}`));
  const last = positions.length === 0 ? '' : positions[positions.length - 1];
  records.push(record(device, timestamp, `${head}${last}${system},"payload":${payload}}`));
  return records;
}

function record(device: string, timestamp: number, json: string): TelemetryRecord {
  return { device, json, bytes: Buffer.byteLength(json), timestamp };
}

function positionJson(context: MapContext, fix: Fix, trace: Trace | null): string {
  const { facts } = context;
  const outer = details(facts.root);
  const own = fix.at === null || fix.at === facts.root ? (fix.at === null ? NOTHING_BESIDE : outer) : details(fix.at);
  const c: FixContext = { ...context, fix, own, outer, technology: 'network' };
  const type = firstOf('position.type', TYPE_RULES, c, trace);
  if (type !== null) c.technology = type.technology;
  const accuracy = firstOf('position.accuracy', ACCURACY_RULES, c, trace) ?? context.defaultAccuracyM.network;
  const alt = firstOf('position.alt', ALTITUDE_RULES, c, trace);
  const motion = firstOf('position.speed, position.heading', MOTION_RULES, c, trace);
  const satellites = firstOf('position.satellitecount', SATELLITE_RULES, c, trace);
  const time = firstOf('position.timestamp', FIX_TIME_RULES, c, trace);
  let json = `,"position":{"lat":${fix.lat},"lng":${fix.lng},"accuracy":${accuracy}`;
  if (alt !== null) json += `,"alt":${alt}`;
  if (type !== null && type.type !== null) json += `,"type":"${type.type}"`;
  if (motion !== null) json += `,"heading":${motion.heading},"speed":${motion.speed}`;
  if (satellites !== null && c.technology === 'gnss') json += `,"satellitecount":${satellites}`;
  if (time !== null) json += `,"timestamp":${time}`;
  return `${json}}`;
}
const NOTHING_BESIDE = details(null);

function sensorsJson(context: MapContext, trace: Trace | null): { json: string; usedStatusBattery: boolean } {
  let json = '';
  let usedStatusBattery = false;
  for (const { field, rules } of SENSOR_FIELDS) {
    const value = firstOf(trace === null ? field : `system.reportedSensorData.${field}`, rules, context, trace);
    if (value === null) continue;
    json += json === '' ? `"${field}":${value}` : `,"${field}":${value}`;
    if (field === 'batteryLevel') {
      usedStatusBattery = context.statusBattery !== null && context.used[MEANING.batteryPercent] === 0;
    }
  }
  return { json, usedStatusBattery };
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

function payloadInput(frame: Frame, format: UplinkFormat, used: Uint8Array) {
  const { body, payloadHex, decoded } = frame;
  const isUndecoded = decoded === null;
  if (format === 'decoded') {
    const content = body.payload;
    if (typeof content === 'object' && content !== null) {
      return { content: content as Frame['body'], rootKey: null, payloadHex, isUndecoded: false, used };
    }
    return { content: body, rootKey: null, payloadHex, isUndecoded, used };
  }
  return { content: body, rootKey: format === 'flat' ? null : frame.rootKey, payloadHex, isUndecoded, used };
}

function tracePayload(payload: Payload & { ok: true }, frame: Frame, format: UplinkFormat, trace: Trace | null): void {
  if (trace === null) return;
  const how = payload.cut ? 'fitted into 1000 bytes, "_cut" tells so' : 'whole';
  trace.gave('payload', `payload-${format}`, `${how}: ${Buffer.byteLength(payload.json)} bytes`);
  if (frame.decodeError !== null) trace.note(`the driver failed: ${frame.decodeError.message}`);
}

/** What a person should hear of a frame that goes its way all the same; null: nothing. Cached by the caller's key. */
export function noticeOf(frame: Frame): UplinkNotice | null {
  const model = frame.model === null ? 'devices of an unnamed model' : `${frame.maker ?? '?'}/${frame.model}`;
  if (frame.decodeError !== null) {
    const { code, message } = frame.decodeError;
    return {
      kind: 'payloadDecodedError',
      key: `payloadDecodedError ${model} ${code}`,
      message: `The driver of ${model} fails (${code}): ${message.replaceAll(/\s+/g, ' ')}`,
    };
  }
  const state = frame.located?.unknownState ?? null;
  if (state !== null) {
    return {
      kind: 'unknownValidityState',
      key: `unknownValidityState ${state}`,
      message: `Positions with validityState "${state}" are taken for old ones: only their sensor values are sent.`,
    };
  }
  if (frame.kind === 'uplink' && frame.decoded === null && frame.points === null) {
    return {
      kind: 'noDecodedPayload',
      key: `noDecodedPayload ${model}`,
      message: `No decoded payload from ${model}: switch on the driver in your network.`,
    };
  }
  return null;
}
