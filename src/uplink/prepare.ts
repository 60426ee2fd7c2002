// Prepare: decode → filter → map of one message, compiled once per definition. Synchronous, and never throws.
// `explain` does the same with a trace: which rule gave each field, and why the others did not.
import type { Connection } from '../domain/connection.ts';
import { describeError } from '../domain/errors.ts';
import type { UplinkEar } from '../domain/ports/downlink.ts';
import type { UplinkMessage } from '../domain/ports/line.ts';
import type { FrameCopy, Prepared, UplinkNotice, UplinkOutcome } from '../domain/uplink.ts';
import { compileDecode, type Decode, type Decoded, tooDeep } from './decode.ts';
import { readDownlinkReport } from './envelopes/downlink-report.ts';
import type { Frame } from './envelopes/frame.ts';
import { compileFilter, type Filter } from './filter.ts';
import { compileMap, type Mapper } from './map/map.ts';
import { decodeFailure, noticeOf, otherInTopic } from './map/notices.ts';
import type { Trace } from './map/rule.ts';
import { StatusBatteries } from './map/status-batteries.ts';
import { compileNamesAnother, type NamesAnother } from './topic-device.ts';
import { compileTopicPattern } from './topic-pattern.ts';

export interface PrepareOptions {
  /** m, for positions that tell no accuracy. */
  readonly defaultAccuracyM: { readonly satellite: number; readonly network: number };
  /** Longer messages become dead letters unread. */
  readonly maxMessageBytes: number;
}

/** 256 KiB are still read. */
export const PREPARE_DEFAULTS: PrepareOptions = {
  defaultAccuracyM: { satellite: 20, network: 1000 },
  maxMessageBytes: 262_144,
};

export type PrepareConnection = Pick<Connection, 'format' | 'source' | 'uplinkTimeValidityMs' | 'mapping'>;
export type Prepare = (message: UplinkMessage, nowMs: number) => Prepared;

interface Stages {
  readonly decode: Decode;
  readonly namesAnother: NamesAnother;
  readonly filter: Filter;
  readonly map: Mapper;
  readonly batteries: StatusBatteries;
  /** The other line, which learns here who was heard and what became of downlinks. */
  readonly ear: UplinkEar | null;
}

/** @throws BridgeError when the definition's topic pattern is not one (validation has refused it before). */
export function compilePrepare(
  connection: PrepareConnection,
  options: Partial<PrepareOptions> = {},
  ear: UplinkEar | null = null,
): Prepare {
  const stages = { ...compileStages(connection, options), ear };
  return (message, nowMs) => {
    try {
      return run(stages, message, nowMs, null);
    } catch (error) {
      return failed(error);
    }
  };
}

function compileStages(connection: PrepareConnection, options: Partial<PrepareOptions>): Stages {
  const { maxMessageBytes, defaultAccuracyM } = { ...PREPARE_DEFAULTS, ...options };
  const { topicPattern } = connection.source;
  const deviceOfTopic = topicPattern === null ? null : compileTopicPattern(topicPattern).devEuiOf;
  return {
    decode: compileDecode({ maxMessageBytes, deviceOfTopic }),
    namesAnother: compileNamesAnother(deviceOfTopic),
    filter: compileFilter(connection),
    map: compileMap({ format: connection.format, defaultAccuracyM, mapping: connection.mapping }),
    batteries: new StatusBatteries(),
    ear: null,
  };
}

function run(stages: Stages, message: UplinkMessage, nowMs: number, trace: Trace | null): Prepared {
  if (message.retain) {
    trace?.note('a retained copy handed out at subscription is not a new uplink');
    return RETAINED;
  }
  // Perhaps somebody else has read it already.
  const decoded = (message.shared?.decoded as Decoded | undefined) ?? stages.decode(message.topic, message.payload);
  if (decoded.kind === 'unreadable') return deadLettered(null, decoded.reason, decoded.message, trace);
  if (decoded.kind === 'noTelemetry') {
    trace?.note(`${decoded.name} carries no telemetry`);
    if (decoded.batteryLevel !== null && decoded.device !== null) {
      stages.batteries.keep(decoded.device, decoded.batteryLevel);
      trace?.note(`its battery level (${decoded.batteryLevel} %) rides on the device's next record that has none`);
    }
    if (decoded.report !== undefined && stages.ear !== null) {
      const report = readDownlinkReport(decoded.name, decoded.report);
      const isOther = report !== null && stages.namesAnother(message.topic, report.device, decoded.report);
      if (report !== null && !isOther) stages.ear.onReport(report, message.arrivedAt);
    }
    const outcome: UplinkOutcome = { kind: 'skipped', reason: decoded.reason };
    const { device, decodeError } = decoded;
    if (decodeError === undefined || decodeError === null) return { device, outcome };
    return { device, outcome, notice: decodeFailure(decodeError, 'a device profile') };
  }
  const { frame } = decoded;
  const { device, fCnt } = frame;
  trace?.gave('id', decoded.deviceFrom === 'body' ? 'device-in-body' : 'device-in-topic', device);
  const filtered = stages.filter(frame, message, nowMs);
  if (filtered.outcome !== null) {
    trace?.note(filtered.why);
    return { device, fCnt, outcome: filtered.outcome };
  }
  const isOther = stages.namesAnother(message.topic, device, decoded.root);
  if (isOther) trace?.note('its topic names another device: it goes its way, but no downlink follows from it');
  else if (stages.ear !== null) {
    const origin = { network: frame.network, topic: message.topic, root: decoded.root };
    stages.ear.onUplink(device, frame.body, message.arrivedAt, origin);
  }
  const { timestamp, timestampFrom } = filtered.passed;
  trace?.gave('timestamp', timestampFrom, timestamp);
  const battery = stages.batteries.waiting(device, message.arrivedAt);
  const mapped = stages.map(frame, timestamp, battery, decoded.source, message.topic, trace);
  if (mapped.kind === 'tooDeep') {
    const { reason, message: why } = tooDeep();
    return deadLettered(device, reason, why, trace);
  }
  if (mapped.kind === 'empty') {
    trace?.note(`no telemetry: ${mapped.why}`);
    return { device, fCnt, outcome: { kind: 'skipped', reason: mapped.reason } };
  }
  if (mapped.usedStatusBattery) stages.batteries.used(device, message.arrivedAt);
  const notice = isOther ? otherInTopic(device, message.topic) : noticeOf(frame as Frame);
  const { records } = mapped;
  const copy = copyOf(frame, mapped.hasPosition);
  return notice === null
    ? { device, fCnt, outcome: null, records, emittedAt: timestamp, copy }
    : { device, fCnt, outcome: null, records, emittedAt: timestamp, copy, notice };
}

/** ThingPark's Location Engine sends a position of its own for an uplink. */
function copyOf({ network, kind }: Frame, hasPosition: boolean): FrameCopy | undefined {
  if (network !== 'thingpark') return undefined;
  if (kind === 'uplink') return hasPosition ? UPLINK_WITH : UPLINK_WITHOUT;
  return kind === 'resolved' ? { kind, hasPosition } : undefined;
}
const UPLINK_WITH: FrameCopy = Object.freeze({ kind: 'uplink', hasPosition: true });
const UPLINK_WITHOUT: FrameCopy = Object.freeze({ kind: 'uplink', hasPosition: false });

const RETAINED: Prepared = Object.freeze({
  device: null,
  outcome: Object.freeze({ kind: 'skipped', reason: 'retained' } as const),
});

function deadLettered(
  device: string | null,
  reason: Extract<UplinkOutcome, { kind: 'deadLettered' }>['reason'],
  message: string,
  trace: Trace | null,
): Prepared {
  trace?.note(message);
  return { device, outcome: { kind: 'deadLettered', reason, detail: { message } } };
}

/** A defect of the mapping must not stop the connection: the message is kept, and its reason says whose fault it is. */
function failed(error: unknown): Prepared {
  const message = `The mapping failed: ${describeError(error).slice(0, 200)}`;
  return { device: null, outcome: { kind: 'deadLettered', reason: 'mappingFailed', detail: { message } } };
}

/** What became of one field. */
export interface ExplainedField {
  /** In HERE's record, for example `position.accuracy`. */
  readonly field: string;
  /** The rule that gave it; null: none did. */
  readonly rule: string | null;
  readonly value: unknown;
  /** The rules that were asked before, in order, and why they did not apply. */
  readonly passedOver: readonly { readonly rule: string; readonly why: string }[];
}

export interface Explanation {
  readonly prepared: Prepared;
  readonly fields: readonly ExplainedField[];
  /** Plain sentences; with no record, why there is none. */
  readonly notes: readonly string[];
  readonly notice: UplinkNotice | null;
}

/** One message as `compilePrepare` would take it, with the trace. Never throws for what the message holds. */
export function explain(
  connection: PrepareConnection,
  message: UplinkMessage,
  nowMs: number,
  options: Partial<PrepareOptions> = {},
): Explanation {
  const stages = compileStages(connection, options);
  const trace = new Recorder();
  let prepared: Prepared;
  try {
    prepared = run(stages, message, nowMs, trace);
  } catch (error) {
    prepared = failed(error);
    trace.note('a defect of the mapping: please report it with this message');
  }
  return { prepared, fields: trace.fields(), notes: trace.notes, notice: prepared.notice ?? null };
}

class Recorder implements Trace {
  readonly notes: string[] = [];
  readonly #fields = new Map<
    string,
    { rule: string | null; value: unknown; passedOver: { rule: string; why: string }[] }
  >();

  gave(field: string, rule: string, value: unknown): void {
    const entry = this.#entry(field);
    entry.rule = rule;
    entry.value = value;
  }

  passed(field: string, rule: string, why: string): void {
    this.#entry(field).passedOver.push({ rule, why });
  }

  note(text: string): void {
    this.notes.push(text);
  }

  fields(): readonly ExplainedField[] {
    return [...this.#fields].map(([field, entry]) => ({ field, ...entry }));
  }

  #entry(field: string) {
    let entry = this.#fields.get(field);
    if (entry === undefined) {
      entry = { rule: null, value: null, passedOver: [] };
      this.#fields.set(field, entry);
    }
    return entry;
  }
}
