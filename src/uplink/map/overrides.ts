// Overrides of a connection: for a maker, model, port or topic, where a field of HERE's record is to be read, by JSON pointer
// and conversions of a closed set. No code: whoever may write a definition must not be able to run anything.
import type { MappingDefinition } from '../../domain/connection.ts';
import type { Frame } from '../envelopes/frame.ts';
import { anyTime } from '../iso-time.ts';
import { isObject, num, text } from '../values.ts';
import { OVERRIDE_FIELDS, type OverrideValue, SKIPPABLE_PARTS } from './override-fields.ts';
import type { Trace } from './rule.ts';

/** What the overrides say of one frame. */
export interface Overriding {
  readonly values: ReadonlyMap<string, OverrideValue>;
  /** Rules and parts of the record that are left out. */
  readonly skip: ReadonlySet<string>;
}

export type Overrides = (frame: Frame, topic: string, trace: Trace | null) => Overriding | null;

interface Compiled {
  readonly name: string;
  readonly matches: (frame: Frame, topic: string) => boolean;
  readonly set: readonly { readonly field: string; readonly read: (frame: Frame) => OverrideValue | string[] }[];
  readonly skip: readonly string[];
}

/** null: the definition has none. What `checkMapping` refuses must not come here. */
export function compileOverrides(mapping: readonly MappingDefinition[] | undefined): Overrides | null {
  if (mapping === undefined || mapping.length === 0) return null;
  const entries = mapping.map(compileEntry);
  return (frame, topic, trace) => {
    const values = new Map<string, OverrideValue>();
    const skip = new Set<string>();
    let any = false;
    for (const { name, matches, set, skip: skipped } of entries) {
      if (!matches(frame, topic)) {
        trace?.note(`${name} is for other devices`);
        continue;
      }
      any = true;
      for (const one of skipped) skip.add(one);
      for (const { field, read } of set) {
        if (values.has(field)) continue;
        const value = read(frame);
        const shown = field.slice(1).replaceAll('/', '.');
        if (Array.isArray(value)) trace?.passed(shown, name, value[0] as string);
        else {
          values.set(field, value);
          trace?.gave(shown, name, value);
        }
      }
    }
    return any ? { values, skip } : null;
  };
}

function compileEntry({ when = {}, set = {}, skip = [] }: MappingDefinition, index: number): Compiled {
  const topic = when.topic === undefined ? null : topicPattern(when.topic);
  const manufacturer = when.manufacturer?.toLowerCase();
  const model = when.model?.toLowerCase();
  return {
    name: `mapping/${index}`,
    matches: (frame, at) =>
      (manufacturer === undefined || frame.maker?.toLowerCase() === manufacturer) &&
      (model === undefined || frame.model?.toLowerCase() === model) &&
      (when.fPort === undefined || num(frame.body.FPort ?? frame.body.fPort ?? frame.body.port) === when.fPort) &&
      (topic === null || topic(at)),
    set: Object.entries(set).map(([field, source]) => ({ field, read: compileSource(field, source) })),
    skip,
  };
}

/** MQTT's wildcards, level by level. */
function topicPattern(filter: string): (topic: string) => boolean {
  const levels = filter.split('/');
  return (topic) => {
    const parts = topic.split('/');
    for (let i = 0; i < levels.length; i++) {
      if (levels[i] === '#') return true;
      if (i >= parts.length || (levels[i] !== '+' && levels[i] !== parts[i])) return false;
    }
    return parts.length === levels.length;
  };
}

interface Source {
  readonly pointer?: string;
  readonly const?: OverrideValue;
  readonly scale?: number;
  readonly offset?: number;
  readonly unit?: string;
  readonly enum?: Readonly<Record<string, OverrideValue>>;
}

/** The value, or in a list of one why there is none. */
function compileSource(field: string, given: unknown): (frame: Frame) => OverrideValue | string[] {
  const source: Source = typeof given === 'string' ? { pointer: given } : (given as Source);
  const target = OVERRIDE_FIELDS[field];
  if (target === undefined) return () => ['not a field that can be set'];
  const fitted = (value: OverrideValue): OverrideValue | string[] => {
    const fit = target.fit(value);
    return fit === null ? [`the value is not ${target.expects}`] : fit;
  };
  if (source.const !== undefined) {
    const constant = fitted(source.const);
    return () => constant;
  }
  const steps = (source.pointer as string).split('/').slice(1).map(unescaped);
  const [factor, shift] = (source.unit === undefined ? undefined : target.units[source.unit]) ?? [1, 0];
  const { scale = 1, offset = 0 } = source;
  const isTime = field === '/position/timestamp';
  return ({ body }) => {
    const found = follow(body, steps);
    if (found === undefined) return [`${source.pointer} is not in the message`];
    if (source.enum !== undefined) {
      const word = typeof found === 'object' ? undefined : String(found).slice(0, 100);
      const named = word !== undefined && Object.hasOwn(source.enum, word) ? source.enum[word] : undefined;
      return named === undefined ? [`${source.pointer} holds none of the values of enum`] : fitted(named);
    }
    if (typeof found === 'boolean') return fitted(found);
    const plain = num(found);
    if (!Number.isNaN(plain) && !(isTime && source.unit === undefined)) {
      return fitted((plain * scale + offset) * factor + shift);
    }
    if (isTime) return fitted(anyTime(found));
    const words = text(found, 200);
    return words === null ? [`${source.pointer} holds no plain value`] : fitted(words);
  };
}

function unescaped(step: string): string {
  return step.replaceAll('~1', '/').replaceAll('~0', '~');
}

function follow(root: unknown, steps: readonly string[]): unknown {
  let at = root;
  for (const step of steps) {
    if (Array.isArray(at)) at = /^\d{1,4}$/.test(step) ? at[Number(step)] : undefined;
    else if (isObject(at) && Object.hasOwn(at, step)) at = at[step];
    else return undefined;
  }
  return at ?? undefined;
}

/** Parts of the record that `skip` may name. */
export function isSkippablePart(name: string): boolean {
  return (SKIPPABLE_PARTS as readonly string[]).includes(name);
}
