// What a schema cannot say of a definition: forms that need code, and fields that exclude each other.
import type { FieldError } from '../domain/connection.ts';
import { listWords, MAX_FIELD_ERRORS } from '../domain/explain-schema.ts';
import { nearest } from '../domain/nearest.ts';
import { isPlainObject } from '../domain/plain-object.ts';

/** Checks that live with other parts of the bridge. Each answers null, or in plain words what is allowed. */
export interface DefinitionCheckers {
  readonly checkValidity?: (text: string) => string | null;
  /** Of `uplinkTopicPattern`, and of `downlinkTopicPattern` where nothing else is given. */
  readonly checkTopicPattern?: (pattern: string) => string | null;
  /** Of `downlinkTopicPattern` on a broker (null: the worker's default), whose names of topics have rules of their own. */
  readonly checkDownlinkTopic?: (pattern: string, broker: string | null) => string | null;
  /** Of each of the two and of `source.topics`: whether it leads into the bridge's own topics on that broker. */
  readonly checkOwnTopics?: (topic: string, broker: string | null) => string | null;
  /** Of `configuration.mapping`; pointers are below it. */
  readonly checkMapping?: (mapping: unknown) => readonly FieldError[];
  readonly checkTemplate?: (template: unknown) => string | null;
  /** The worker's brokers and HERE services; absent: any name will do. */
  readonly brokers?: readonly string[];
  readonly services?: readonly string[];
}

/** What answers show in place of a secret. */
export const SECRET_MASK = '*****';

// One @, no spaces, a dot in the domain: HERE decides whether the account exists.
const EMAIL = /^[^\s@]{1,64}@[^\s@.]+(\.[^\s@.]+)+$/;
const VALIDITY = /^(\d{1,15}[dhms])+$/;
/** Longer texts are refused by the schema; no code looks into them. */
const MAX_TEXT = 1000;

/**
 * All that is wrong beyond the schema. `value` need not have passed it: a field of the wrong type is left to the schema,
 * so that a person hears of everything at once.
 */
export function checkSemantics(id: string | null, value: unknown, checkers: DefinitionCheckers): FieldError[] {
  const errors: FieldError[] = [];
  const tell: Tell = (pointer, message) => {
    if (message !== null && errors.length < MAX_FIELD_ERRORS) errors.push({ pointer, message });
  };
  const record = fields(value);
  const ownId = text(record.id);
  if (id !== null && ownId !== null && ownId !== id) {
    tell('/id', `must be the key that the record is stored under, "${id}", or be left out`);
  }
  if (text(record.name)?.trim() === '') tell('/name', 'must not be blank');
  checkConfiguration(fields(record.configuration), checkers, tell);
  for (const [index, alarm] of list(record.alarms).entries()) checkAlarm(fields(alarm), `/alarms/${index}`, tell);
  return errors;
}

type Tell = (pointer: string, message: string | null) => void;
type Loose = Readonly<Record<string, unknown>>;

function checkAlarm(alarm: Loose, at: string, tell: Tell): void {
  const zone = text(alarm.timezone);
  if (zone !== null && !isTimeZone(zone)) {
    tell(`${at}/timezone`, 'must be an IANA time zone such as Europe/Paris or UTC');
  }
  const start = text(alarm.startTime);
  const end = text(alarm.endTime);
  // A window over midnight is fine; one without any length is not.
  if (start !== null && end !== null && seconds(start) === seconds(end)) {
    tell(`${at}/endTime`, 'must differ from startTime; a whole day is 00:00 to 24:00');
  }
}

function checkConfiguration(configuration: Loose, checkers: DefinitionCheckers, tell: Tell): void {
  const at = '/configuration';
  const email = text(configuration.email);
  if (email !== null && !EMAIL.test(email.trim())) {
    tell(`${at}/email`, 'must be an e-mail address such as name@example.com');
  }
  for (const field of ['password', 'downlinkAsKey'] as const) {
    if (configuration[field] === SECRET_MASK) {
      tell(`${at}/${field}`, 'must be the secret itself; ***** only stands for one in what the bridge shows');
    }
  }
  const validity = text(configuration.uplinkTimeValidity);
  if (validity !== null) tell(`${at}/uplinkTimeValidity`, (checkers.checkValidity ?? checkValidityForm)(validity));
  if (configuration.sendMetadata === true && configuration.sendRawDecodedFormat === true) {
    tell(`${at}/sendRawDecodedFormat`, 'must be false or left out when sendMetadata is true');
  }
  const checkPattern = checkers.checkTopicPattern ?? checkPatternForm;
  const source = fields(configuration.source);
  const broker = text(source.broker);
  const checkOwn = (topic: string): string | null => checkers.checkOwnTopics?.(topic, broker) ?? null;
  const uplinks = text(configuration.uplinkTopicPattern);
  if (uplinks !== null) tell(`${at}/uplinkTopicPattern`, checkPattern(uplinks) ?? checkOwn(uplinks));
  const downlinks = text(configuration.downlinkTopicPattern);
  if (downlinks !== null) {
    const checkDownlinks = checkers.checkDownlinkTopic ?? checkPattern;
    tell(`${at}/downlinkTopicPattern`, checkDownlinks(downlinks, broker) ?? checkOwn(downlinks));
  }
  if (configuration.downlinkTemplate !== undefined) {
    tell(`${at}/downlinkTemplate`, checkers.checkTemplate?.(configuration.downlinkTemplate) ?? null);
  }
  tell(`${at}/service`, checkName(text(configuration.service), checkers.services, 'here.services'));
  for (const { pointer, message } of checkers.checkMapping?.(configuration.mapping) ?? []) {
    tell(`${at}/mapping${pointer}`, message);
  }
  tell(`${at}/source/broker`, checkName(broker, checkers.brokers, 'brokers'));
  for (const [index, filter] of list(source.topics).entries()) {
    if (typeof filter === 'string') tell(`${at}/source/topics/${index}`, checkTopicFilter(filter) ?? checkOwn(filter));
  }
}

function fields(value: unknown): Loose {
  return isPlainObject(value) ? value : {};
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value.slice(0, MAX_FIELD_ERRORS) : [];
}

function text(value: unknown): string | null {
  return typeof value === 'string' && value.length <= MAX_TEXT ? value : null;
}

function checkValidityForm(validity: string): string | null {
  return VALIDITY.test(validity) ? null : 'must be a sum of d, h, m and s parts such as 5m, 72h or 3d12h60m';
}

function checkName(name: string | null, known: readonly string[] | undefined, where: string): string | null {
  if (name === null || known === undefined || known.includes(name)) return null;
  const near = nearest(name, known);
  const hint = near === null ? '' : `; did you mean "${near}"?`;
  return `must name an entry of the worker's ${where}: ${listWords(known, 'or') || 'there is none'}${hint}`;
}

/** MQTT 3.1.1, section 4.7: wildcards fill a whole level, `#` comes last, no NUL, at most 65,535 bytes. */
function checkTopicFilter(filter: string): string | null {
  if (filter.includes('\u0000')) return 'must not hold a NUL character';
  if (filter.startsWith('$share/'))
    return 'must not be a shared subscription: each connection has a session of its own';
  const levels = filter.split('/');
  for (const [index, level] of levels.entries()) {
    if (level.includes('#') && (level !== '#' || index !== levels.length - 1)) {
      return 'must be an MQTT topic filter: # stands alone and last, as in things/#';
    }
    if (level.includes('+') && level !== '+') {
      return 'must be an MQTT topic filter: + stands alone in its level, as in things/+/uplink';
    }
  }
  return null;
}

/** A rough look for where the real compiler of patterns is not at hand: braces in pairs, no wildcards outside of them. */
function checkPatternForm(pattern: string): string | null {
  let depth = 0;
  for (const char of pattern) {
    if (char === '{') depth += 1;
    else if (char === '}') depth -= 1;
    else if (depth === 0 && (char === '#' || char === '+' || char === '\u0000')) {
      return 'must be a topic with placeholders such as mqtt/things/{DevEUI}/uplink, without wildcards';
    }
    if (depth < 0) break;
  }
  return depth === 0 ? null : 'must close each placeholder that it opens, as in mqtt/things/{DevEUI}/uplink';
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

function seconds(time: string): number {
  const [hours = 0, minutes = 0, secs = 0] = time.split(':').map(Number);
  return hours * 3600 + minutes * 60 + secs;
}
