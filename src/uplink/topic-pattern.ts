// Topic patterns: topics with placeholders that are JSONPath into the uplink's root object, with fallbacks and literals:
// `mqtt/things/{DevEUI}/uplink`, `…/{$..CustomerData.tags[?(@ =~ /Paris:.*/)]}`, `{CustomerData.name|DevEUI|'None'}`.
import { BridgeError, EXIT } from '../domain/errors.ts';
import {
  compileJsonPath,
  endOfQuote,
  endOfRegex,
  JSON_PATH_GRAMMAR,
  type JsonPath,
  JsonPathError,
} from './json-path.ts';
import type { Work } from './safe-regex.ts';
import { devEui, isUpperHex16, type JsonObject } from './values.ts';

export type RenderedTopic =
  | { readonly ok: true; readonly topic: string }
  | { readonly ok: false; readonly reason: string };

export interface TopicPattern {
  /** An MQTT topic filter: `+` in the level of each placeholder. */
  readonly subscription: string;
  /** The DevEUI that the topic names where the pattern has `{DevEUI}`; null: the topic is another one, or names none. */
  devEuiOf(topic: string): string | null;
  /** The topic for a device. `root`: the content below the uplink's root, null where none is known. */
  render(root: JsonObject | null, deviceId: string): RenderedTopic;
}

const MAX_PATTERN = 512;
const MAX_VALUE = 200;
/**
 * Of all placeholders and fallbacks of one rendering together, which happens with each uplink: some 35 ns a step at worst, so
 * that no pattern and no uplink can hold the worker for more than a few ms.
 */
const MAX_WORK = 100_000;
/** MQTT 3.1.1, section 1.5.3: UTF-8 strings have at most 65,535 bytes. */
const MAX_TOPIC_BYTES = 65_535;
const TOO_MUCH =
  "takes too many steps to find in the device's uplink: name its place, as in $.CustomerData.tags, instead of $..";
const GRAMMAR = "a topic with placeholders such as mqtt/things/{DevEUI}/uplink or {CustomerData.name|DevEUI|'None'}";

type Alternative =
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'device' }
  | { readonly kind: 'path'; readonly path: JsonPath; readonly source: string };

type Part =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'placeholder'; readonly source: string; readonly alternatives: readonly Alternative[] };

type Level = readonly Part[];

/** What is wrong with a pattern and what is allowed, to follow its field's name; null: nothing. */
export function checkTopicPattern(text: string): string | null {
  const levels = parse(text);
  return typeof levels === 'string' ? levels : null;
}

/** @throws BridgeError (`badTopicPattern`) in words for a person. */
export function compileTopicPattern(text: string): TopicPattern {
  const levels = parse(text);
  if (typeof levels === 'string') {
    throw new BridgeError('badTopicPattern', `The topic pattern ${levels}`, { exitCode: EXIT.data });
  }
  return {
    subscription: levels.map((level) => (isFixed(level) ? textOf(level) : '+')).join('/'),
    devEuiOf: compileDevEuiOf(levels),
    render: (root, deviceId) => render(levels, root, deviceId),
  };
}

function parse(text: string): readonly Level[] | string {
  if (text === '') return `must not be empty: ${GRAMMAR}`;
  if (text.length > MAX_PATTERN) return `must have at most ${MAX_PATTERN} characters`;
  const levels: Part[][] = [[]];
  const push = (part: Part): void => void (levels.at(-1) as Part[]).push(part);
  let literal = '';
  const flush = (): void => {
    if (literal !== '') push({ kind: 'text', text: literal });
    literal = '';
  };
  for (let i = 0; i < text.length; i++) {
    const char = text[i] as string;
    if (char === '{') {
      flush();
      const end = endOfPlaceholder(text, i + 1);
      if (end < 0) return `must close each placeholder that it opens: ${GRAMMAR}`;
      const placeholder = parsePlaceholder(text.slice(i + 1, end));
      if (typeof placeholder === 'string') return placeholder;
      push(placeholder);
      i = end;
    } else if (char === '}') return `must open each placeholder that it closes: ${GRAMMAR}`;
    else if (char === '#' || char === '+' || char === '\u0000') {
      return `must not hold #, + or NUL outside of placeholders (a list of filters goes into source.topics): ${GRAMMAR}`;
    } else if (char === '/') {
      flush();
      levels.push([]);
    } else literal += char;
  }
  flush();
  return levels;
}

/** Index of the brace that ends a placeholder: not one inside quotes or a regular expression. */
function endOfPlaceholder(text: string, from: number): number {
  for (let i = from; i < text.length; i++) {
    const char = text[i];
    if (char === '}') return i;
    i = afterOpaque(text, i);
    if (i < 0) return -1;
  }
  return -1;
}

/** The index itself, or the end of the quoted text or regular expression that begins here; -1: it does not end. */
function afterOpaque(text: string, at: number): number {
  const char = text[at];
  if (char === "'" || char === '"') return endOfQuote(text, at);
  return char === '/' ? endOfRegex(text, at + 1) : at;
}

function parsePlaceholder(source: string): Part | string {
  const alternatives: Alternative[] = [];
  for (const choice of splitChoices(source)) {
    const alternative = parseAlternative(choice.trim());
    if (typeof alternative === 'string') return alternative;
    alternatives.push(alternative);
  }
  return { kind: 'placeholder', source, alternatives };
}

/** At `|` outside of brackets, quotes and regular expressions. */
function splitChoices(source: string): readonly string[] {
  const choices: string[] = [];
  let depth = 0;
  let from = 0;
  for (let i = 0; i < source.length; i++) {
    const char = source[i];
    if (char === '[' || char === '(') depth += 1;
    else if (char === ']' || char === ')') depth -= 1;
    else if (char === '|' && depth === 0) {
      choices.push(source.slice(from, i));
      from = i + 1;
    } else {
      const end = afterOpaque(source, i);
      if (end < 0) break;
      i = end;
    }
  }
  choices.push(source.slice(from));
  return choices;
}

function parseAlternative(choice: string): Alternative | string {
  if (choice === '') return `must not have an empty placeholder or fallback: ${GRAMMAR}`;
  if (/^(?:\$\.)?DevEUI$/i.test(choice)) return { kind: 'device' };
  const quote = choice[0];
  if (quote === "'" || quote === '"') {
    if (endOfQuote(choice, 0) !== choice.length - 1) return `must end the text ${choice.slice(0, 40)}: ${GRAMMAR}`;
    const text = choice.slice(1, -1);
    const bad = whyNot(text);
    return bad === null ? { kind: 'literal', text } : `must not use the text ${choice.slice(0, 40)}, which ${bad}`;
  }
  try {
    return { kind: 'path', path: compileJsonPath(choice), source: choice };
  } catch (error) {
    if (!(error instanceof JsonPathError)) throw error;
    return `must hold ${JSON_PATH_GRAMMAR}; ${error.message}`;
  }
}

/** Why a value cannot be a level of a topic; null: it can. */
function whyNot(value: string): string | null {
  if (value === '') return 'is nothing';
  if (value.length > MAX_VALUE) return `has more than ${MAX_VALUE} characters`;
  for (const char of ['#', '+', '/']) if (value.includes(char)) return `has a ${char}`;
  if (!value.isWellFormed()) return 'is not well-formed text';
  return value.includes('\u0000') ? 'has a NUL character' : null;
}

function isFixed(level: Level): boolean {
  return level.every(({ kind }) => kind === 'text');
}

function textOf(level: Level): string {
  return level.map((part) => (part.kind === 'text' ? part.text : '')).join('');
}

function compileDevEuiOf(levels: readonly Level[]): (topic: string) => string | null {
  const isDevice = (part: Part): boolean =>
    part.kind === 'placeholder' && part.alternatives.some(({ kind }) => kind === 'device');
  const at = levels.findIndex((level) => level.some(isDevice));
  if (at < 0) return () => null;
  const fixed = levels.map((level) => (isFixed(level) ? textOf(level) : null));
  const level = levels[at] as Level;
  const prefix = level[0]?.kind === 'text' ? level[0].text : '';
  const last = level.at(-1);
  const suffix = last?.kind === 'text' ? last.text : '';
  const isPlain =
    fixed.every((text, i) => text !== null || i === at) &&
    level.filter(isDevice).length === 1 &&
    level.every((part) => part.kind === 'text' || isDevice(part));
  const before = [...fixed.slice(0, at), prefix].join('/');
  const after = [suffix, ...fixed.slice(at + 1)].join('/');
  return (topic) => {
    // With each uplink: no list of levels where nothing but the device is open.
    if (isPlain && topic.length === before.length + 16 + after.length) {
      const named = topic.slice(before.length, before.length + 16);
      if (isUpperHex16(named) && topic.startsWith(before) && topic.endsWith(after)) return named;
    }
    const parts = topic.split('/', levels.length + 1);
    if (parts.length !== levels.length) return null;
    for (let i = 0; i < parts.length; i++) {
      const wanted = fixed[i];
      if (wanted !== null && wanted !== parts[i]) return null;
    }
    const part = parts[at] as string;
    if (part.length > 300 || !part.startsWith(prefix) || !part.endsWith(suffix)) return null;
    const inside = part.slice(prefix.length, part.length - suffix.length);
    return devEui(inside) ?? devEui(LONE_HEX_16.exec(inside)?.[1]);
  };
}
/** Sixteen hex digits among other things of the level, such as another placeholder's value. */
const LONE_HEX_16 = /(?<![0-9A-Fa-f])([0-9A-Fa-f]{16})(?![0-9A-Fa-f])/;

function render(levels: readonly Level[], root: JsonObject | null, deviceId: string): RenderedTopic {
  const parts: string[] = [];
  const work: Work = { left: MAX_WORK };
  for (const level of levels) {
    let text = '';
    for (const part of level) {
      if (part.kind === 'text') {
        text += part.text;
        continue;
      }
      const value = firstValue(part.alternatives, root, deviceId, work);
      if (value === null) {
        const reason = work.left < 0 ? TOO_MUCH : "finds nothing in the device's uplink";
        return { ok: false, reason: `{${part.source}} ${reason}` };
      }
      const bad = whyNot(value);
      if (bad !== null) return { ok: false, reason: `the value of {${part.source}} ${bad}` };
      text += value;
    }
    parts.push(text);
  }
  const topic = parts.join('/');
  if (Buffer.byteLength(topic) > MAX_TOPIC_BYTES) return { ok: false, reason: 'the topic is longer than MQTT allows' };
  return { ok: true, topic };
}

/**
 * The first alternative that finds something: a text that is not empty, or a number. Once the work is used up nothing is:
 * a fallback would send commands to another topic than the pattern means.
 */
function firstValue(
  alternatives: readonly Alternative[],
  root: JsonObject | null,
  deviceId: string,
  work: Work,
): string | null {
  for (const alternative of alternatives) {
    if (alternative.kind === 'literal') return alternative.text;
    if (alternative.kind === 'device') {
      if (deviceId !== '') return deviceId;
      continue;
    }
    for (const value of root === null ? [] : alternative.path.values(root, work)) {
      if (typeof value === 'string' && value !== '') return value;
      if (typeof value === 'number' && Number.isFinite(value)) return String(value);
    }
    if (work.left < 0) return null;
  }
  return null;
}
