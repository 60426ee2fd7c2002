// The fields of a configuration that is converted: each is taken over, or named with the reason why not.
import type { FieldError } from '../domain/connection.ts';
import { isPlainObject } from '../domain/plain-object.ts';

/** What became of a foreign configuration. Notes name what could not be carried over, by JSON pointer into it; never a value. */
export interface Conversion {
  /** For people: what was read. */
  readonly what: string;
  readonly definition: Readonly<Record<string, unknown>>;
  readonly notes: readonly FieldError[];
}

export type ConversionOutcome =
  | { readonly kind: 'ok'; readonly conversion: Conversion }
  | { readonly kind: 'refused'; readonly message: string };

/** Why fields whose pointer begins so are not carried; null: they say nothing that the bridge does not do by itself. */
export type Reasons = readonly (readonly [prefix: string, reason: string | null])[];

const MOST_NOTES = 200;

export class ForeignFields {
  readonly #root: unknown;
  readonly #taken = new Set<string>();
  readonly #notes: FieldError[] = [];

  constructor(root: unknown) {
    this.#root = root;
  }

  /** By JSON pointer without escapes; taken over, however it is used. */
  take(pointer: string): unknown {
    this.#taken.add(pointer);
    return this.look(pointer);
  }

  look(pointer: string): unknown {
    let value = this.#root;
    for (const name of pointer.split('/').slice(1)) {
      if (Array.isArray(value)) value = value[Number(name)];
      else value = isPlainObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
    }
    return value;
  }

  note(pointer: string, message: string): void {
    this.#notes.push({ pointer, message });
  }

  /** Notes, and one for each field that was not taken. */
  notes(reasons: Reasons): readonly FieldError[] {
    const left: FieldError[] = [];
    this.#visit(this.#root, '', reasons, left);
    return [...this.#notes, ...left].slice(0, MOST_NOTES);
  }

  #visit(value: unknown, pointer: string, reasons: Reasons, left: FieldError[]): void {
    if (this.#taken.has(pointer) || value === null || value === '' || left.length >= MOST_NOTES) return;
    const known = reasons.find(([prefix]) => pointer === prefix || pointer.startsWith(`${prefix}/`));
    if (known !== undefined) {
      if (known[1] !== null) left.push({ pointer, message: known[1] });
      return;
    }
    const children = Array.isArray(value) ? [...value.entries()] : isPlainObject(value) ? Object.entries(value) : null;
    if (children === null) left.push({ pointer, message: 'has no counterpart in a definition of the bridge' });
    else for (const [name, child] of children) this.#visit(child, `${pointer}/${name}`, reasons, left);
  }
}

/** A list, or a text of names with commas between them. */
export function listOf(value: unknown): string[] {
  const parts = typeof value === 'string' ? value.split(',') : Array.isArray(value) ? value : [];
  return parts
    .filter((part) => typeof part === 'string')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

/** The name of the default configuration's service for a URL; null: it is not HERE Tracking's. */
export function serviceOf(url: unknown): string | null {
  const host = typeof url === 'string' && URL.canParse(url) ? new URL(url).hostname : null;
  if (host === 'tracking.api.here.com') return 'here';
  return host === 'tracking.hereapi.com' ? 'here-platform' : null;
}

export const OWN_ACCOUNT =
  'is to be filled in: the bridge logs in to HERE by itself, with the email and password of a user that nobody else logs in with';
