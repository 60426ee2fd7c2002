// Faults on purpose: which rule strikes which request, record or device.
import type { Chance } from '../domain/ports/clock.ts';
import { shareOf } from './chance.ts';
import { FAULT_NAMES, type FaultRule } from './options.ts';
import { isObject } from './validation/fields.ts';

export interface ActiveFault {
  readonly id: number;
  readonly rule: FaultRule;
  /** How often it has struck. */
  struck: number;
  /** Devices that a `404` has removed already. */
  readonly removed: Set<string>;
}

/** What of a request the rules look at. */
export interface FaultTarget {
  readonly path: string;
  readonly appId: string | null;
  readonly email: string | null;
  readonly records: number;
  readonly bytes: number;
}

export class Faults {
  #active: ActiveFault[] = [];
  #lastId = 0;
  readonly #chance: Chance;
  readonly #seed: number;

  constructor(chance: Chance, seed: number) {
    this.#chance = chance;
    this.#seed = seed;
  }

  get none(): boolean {
    return this.#active.length === 0;
  }

  list(): readonly ActiveFault[] {
    return this.#active;
  }

  add(rule: FaultRule): number {
    const fault: ActiveFault = { id: ++this.#lastId, rule, struck: 0, removed: new Set() };
    this.#active = [...this.#active, fault];
    return fault.id;
  }

  /** Null: all. False: there is no such fault. */
  remove(id: number | null): boolean {
    const before = this.#active.length;
    this.#active = id === null ? [] : this.#active.filter((fault) => fault.id !== id);
    return id === null || this.#active.length < before;
  }

  /** The first rule that strikes the request as a whole; it is counted. */
  strike(target: FaultTarget): FaultRule | null {
    for (const fault of this.#active) {
      const { rule } = fault;
      if (rule.name === '400' || rule.name === '404' || !this.#concerns(fault, target)) continue;
      if (rule.name === '413' && !exceeds(rule, target)) continue;
      if (this.#chance.random() >= (rule.rate ?? 1)) continue;
      fault.struck++;
      return rule;
    }
    return null;
  }

  /** The rules about single records and devices that concern the request. */
  aboutRecords(target: FaultTarget): readonly ActiveFault[] {
    return this.#active.filter(
      ({ rule }, i) => (rule.name === '400' || rule.name === '404') && this.#concerns(this.#active[i]!, target),
    );
  }

  /** Sticky: the same record is chosen each time that it comes, however the batch is cut. */
  choosesRecord(fault: ActiveFault, device: string, timestamp: number): boolean {
    if (fault.rule.name !== '400') return false;
    if (fault.rule.device !== undefined) return fault.rule.device === device;
    return shareOf(`${device} ${timestamp}`, this.#seed + fault.id) < (fault.rule.rate ?? 1);
  }

  /** Once a device: after it was removed, it can be created again. */
  choosesDevice(fault: ActiveFault, device: string): boolean {
    if (fault.rule.name !== '404' || fault.removed.has(device) || fault.removed.size >= 1_000_000) return false;
    if (fault.rule.count !== undefined && fault.struck >= fault.rule.count) return false;
    const chosen =
      fault.rule.device !== undefined
        ? fault.rule.device === device
        : shareOf(device, this.#seed + fault.id) < (fault.rule.rate ?? 1);
    if (!chosen) return false;
    fault.removed.add(device);
    fault.struck++;
    return true;
  }

  #concerns({ rule, struck }: ActiveFault, target: FaultTarget): boolean {
    if (rule.count !== undefined && struck >= rule.count) return false;
    if (rule.appId !== undefined && rule.appId !== target.appId) return false;
    if (rule.email !== undefined && rule.email.toLowerCase() !== target.email?.toLowerCase()) return false;
    if (rule.path === undefined) return target.path !== '/v3/health';
    return rule.path === '*' || target.path.startsWith(rule.path);
  }
}

function exceeds(rule: FaultRule, target: FaultTarget): boolean {
  if (rule.maxRecords === undefined && rule.maxBytes === undefined) return true;
  return (
    target.records > (rule.maxRecords ?? Number.POSITIVE_INFINITY) ||
    target.bytes > (rule.maxBytes ?? Number.POSITIVE_INFINITY)
  );
}

const NUMBERS = ['rate', 'count', 'delayMs', 'maxRecords', 'maxBytes'] as const;
const TEXTS = ['appId', 'email', 'path', 'device'] as const;

/** Reads a rule from outside; a string says what is wrong. */
export function readFault(value: unknown): FaultRule | string {
  if (!isObject(value)) return 'A fault is an object {name, rate?, count?, …}';
  const name = FAULT_NAMES.find((known) => known === String(value.name));
  if (!name) return `name must be one of ${FAULT_NAMES.join(', ')}`;
  for (const key of Object.keys(value)) {
    if (key === 'name' || key === 'as' || key === 'retryAfterS') continue;
    if (!NUMBERS.some((known) => known === key) && !TEXTS.some((known) => known === key)) return `${key} is not known`;
  }
  for (const key of NUMBERS) {
    const number = value[key];
    if (number !== undefined && (typeof number !== 'number' || !(number >= 0))) return `${key} must be a number from 0`;
  }
  if (typeof value.rate === 'number' && value.rate > 1) return 'rate must be between 0 and 1';
  for (const key of TEXTS)
    if (value[key] !== undefined && typeof value[key] !== 'string') return `${key} must be a string`;
  const { as, retryAfterS } = value;
  if (as !== undefined && as !== 'reset' && as !== '503') return 'as must be reset or 503';
  if (retryAfterS !== undefined && retryAfterS !== null && typeof retryAfterS !== 'number') {
    return 'retryAfterS must be a number or null';
  }
  return { ...(value as Omit<FaultRule, 'name'>), name };
}
