// Gathers the values of all layers (files, environment, flags) under their full keys, with where each came from.
import { nearest } from '../domain/nearest.ts';
import { type ConfigProblem, showValue } from './problems.ts';
import { VALUES } from './schema.ts';
import { envName, MAP_KEYS, type MapKey, type ValueSpec } from './value-spec.ts';

export interface Assigned {
  readonly spec: ValueSpec;
  readonly value: unknown;
  readonly origin: string;
  /** Layers are numbered in the order in which they were read; a later one outweighs an earlier one. */
  readonly layer: number;
}

/**
 * Names become parts of keys of plain objects inside convict, whose CVE-2026-106550 is about outsiders who choose keys:
 * so only the operator's own files and variables are read here, never input from the network; keys that the schema does
 * not know are refused before convict sees them; and names must match a narrow pattern and be none of these.
 */
const NAME = /^[a-z0-9][a-z0-9-]{0,31}$/;
const RESERVED_NAMES = new Set(['constructor', 'prototype', 'default']);

interface Branch {
  readonly children: Map<string, Branch | ValueSpec>;
}

const root: Branch = { children: new Map() };
for (const spec of VALUES) {
  const path = spec.key.split('.');
  const last = path.pop()!;
  let branch = root;
  for (const part of path) {
    const next = branch.children.get(part);
    if (next !== undefined && 'children' in next) branch = next;
    else {
      const made: Branch = { children: new Map() };
      branch.children.set(part, made);
      branch = made;
    }
  }
  branch.children.set(last, spec);
}

/** The spec of one entry of a map, with its real key and variable. */
function specFor(spec: ValueSpec, key: string): ValueSpec {
  if (spec.key === key) return spec;
  const name = key.split('.')[mapOf(key)!.split('.').length]!;
  const contentOf = spec.contentOf?.replace('<name>', name) ?? null;
  return { ...spec, key, env: envName(key), contentOf };
}

function mapOf(key: string): MapKey | null {
  return MAP_KEYS.find((map) => key.startsWith(`${map}.`)) ?? null;
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export class Collector {
  readonly assigned = new Map<string, Assigned>();
  readonly problems: ConfigProblem[] = [];
  readonly names: Record<MapKey, Set<string>> = { brokers: new Set(), 'here.services': new Set() };
  #layer = 0;

  nextLayer(): void {
    this.#layer += 1;
  }

  problem(key: string, message: string, origin: string | null = null, value: string | null = null): void {
    this.problems.push({ key, value, message, origin });
  }

  /** Every concrete spec for the names known so far, entry by entry. */
  specs(): ValueSpec[] {
    const specs: ValueSpec[] = [];
    const done = new Set<MapKey>();
    for (const spec of VALUES) {
      const map = mapOf(spec.key);
      if (map === null) specs.push(spec);
      else if (!done.has(map)) {
        done.add(map);
        const perEntry = VALUES.filter((other) => mapOf(other.key) === map);
        for (const name of this.names[map]) {
          for (const other of perEntry) specs.push(specFor(other, other.key.replace('<name>', name)));
        }
      }
    }
    return specs;
  }

  assign(spec: ValueSpec, value: unknown, origin: string, layer = this.#layer): void {
    this.assigned.set(spec.key, { spec, value, origin, layer });
  }

  /** One value by its full key, as text. */
  assignText(key: string, text: string, origin: string): void {
    const spec = this.specs().find((candidate) => candidate.key === key);
    if (spec === undefined) this.#unknown(key, origin);
    else this.assign(spec, readText(spec, text), origin);
  }

  /** A parsed file, or the content of a map (`at`) from a variable. */
  assignTree(tree: unknown, origin: string, at = ''): void {
    let branch = root;
    for (const part of at === '' ? [] : at.split('.')) branch = branch.children.get(part) as Branch;
    this.#walk(tree, branch, at, origin);
  }

  #walk(tree: unknown, branch: Branch, at: string, origin: string): void {
    if (!isPlainObject(tree)) {
      this.problem(at === '' ? origin : at, 'must be a group of values in {…}', at === '' ? null : origin);
      return;
    }
    const entries = branch.children.get('<name>');
    for (const [part, value] of Object.entries(tree)) {
      const key = at === '' ? part : `${at}.${part}`;
      // For editors.
      if (key === '$schema') continue;
      const child = branch.children.get(part);
      if (entries !== undefined && 'children' in entries) this.#entry(at as MapKey, part, value, entries, origin);
      else if (child === undefined || part.includes('.')) this.#unknown(key, origin);
      else if ('children' in child) this.#walk(value, child, key, origin);
      else this.assign(specFor(child, key), value, origin);
    }
  }

  #entry(map: MapKey, name: string, value: unknown, entries: Branch, origin: string): void {
    const key = `${map}.${name}`;
    if (!NAME.test(name) || RESERVED_NAMES.has(name)) {
      const not = [...RESERVED_NAMES].join(', ');
      this.problem(
        map,
        `${JSON.stringify(name.slice(0, 64))} is no name; allowed: 1 to 32 of a-z 0-9 -, not ${not}`,
        origin,
      );
    } else if (value === null) {
      this.names[map].delete(name);
      for (const assigned of this.assigned.keys()) if (assigned.startsWith(`${key}.`)) this.assigned.delete(assigned);
    } else {
      this.names[map].add(name);
      this.#walk(value, entries, key, origin);
    }
  }

  #unknown(key: string, origin: string): void {
    const shown = JSON.stringify(key.slice(0, 128)).slice(1, -1);
    const parent = key.slice(0, key.lastIndexOf('.') + 1);
    const known = [...this.specs().map((spec) => spec.key), ...MAP_KEYS];
    const siblings = known.filter((candidate) => candidate.startsWith(parent));
    const hint = nearest(key, siblings) ?? nearest(key, known);
    this.problem(shown, `unknown key${hint === null ? '' : `; did you mean ${hint}?`}`, origin);
  }
}

export function readText(spec: ValueSpec, text: string): unknown {
  return spec.nullable && text === 'null' ? null : spec.parse(text);
}

/** null when the value is allowed, else what is wrong with it. */
export function check(assigned: Pick<Assigned, 'spec' | 'value' | 'origin'>): ConfigProblem | null {
  const { spec, value, origin } = assigned;
  if ((value === null && spec.nullable) || spec.check(value)) return null;
  const message = `allowed: ${spec.allowed}${spec.nullable ? ', or null' : ''}`;
  return { key: spec.key, value: showValue(spec, value), message, origin };
}
