// Reads the definitions from the config topic: what is new and valid goes to the supervisor, what is wrong becomes an event
// and a status, and nothing that one producer writes stops the others' connections.
import { createHash } from 'node:crypto';
import {
  CONNECTION_ID_PATTERN,
  type Connection,
  type DefinitionRecord,
  type FieldError,
} from '../domain/connection.ts';
import type { EventKind, EventSink } from '../domain/events.ts';
import { isPlainObject } from '../domain/plain-object.ts';
import type { Broker, TableReader } from '../domain/ports/broker.ts';
import type { MadeConnection } from './definition.ts';
import type { DefinitionValidator } from './validate-definition.ts';

/** Told in the order in which the broker hands records out. */
export interface DefinitionListener {
  /** A definition that is new or changed. */
  onDefinition(connection: Connection): void;
  onInvalid(id: string, name: string | null, errors: readonly FieldError[]): void;
  /** Deleted on purpose: an explicit empty record. */
  onDeleted(id: string): void;
  /** The ids that the topic holds, valid or not, 10 s after each subscription. */
  onSnapshot(ids: ReadonlySet<string>): void;
}

export interface DefinitionsOptions {
  readonly broker: Broker;
  /** Records are on `{prefix}/connections/{id}`. */
  readonly prefix: string;
  /** Names the persistent session that hears deletions made while this worker was away. */
  readonly clientId: string;
  readonly validate: DefinitionValidator;
  readonly make: (id: string, record: DefinitionRecord) => MadeConnection;
  readonly listener: DefinitionListener;
  readonly events: EventSink;
  /** Puts the record in force back on the topic, where a stale one has taken its place. */
  readonly mend?: (id: string, record: DefinitionRecord) => void;
  readonly onStatus?: (status: { readonly up: boolean; readonly reason?: string; readonly fatal?: boolean }) => void;
  readonly settleMs?: number;
}

/** A record as the topic had it; empty: a deletion. Whether it is in force, `record` tells. */
export interface HeardRecord {
  readonly payload: string;
}

/** One record as last read. */
interface Known {
  /** SHA-256 of the payload: the same record handed out again changes nothing. */
  digest: string;
  /** The valid record in force; null when there never was one. */
  record: DefinitionRecord | null;
  /** The newest one, where it is not valid: what was missing may come. */
  refused: Buffer | null;
}

const MAX_DEFINITION_BYTES = 65_536;
const MAX_DEFINITIONS = 10_000;
const ID = new RegExp(CONNECTION_ID_PATTERN);

export class Definitions {
  readonly #options: DefinitionsOptions;
  readonly #known = new Map<string, Known>();
  readonly #reader: TableReader;
  readonly #waiting = new Map<string, Set<(heard: HeardRecord) => void>>();
  #up = false;
  #whole = false;

  constructor(options: DefinitionsOptions) {
    this.#options = options;
    const { broker, prefix, clientId, settleMs = 10_000 } = options;
    this.#reader = broker.openTable(
      { prefix: `${prefix}/connections`, clientId, settleMs },
      {
        onRecord: (key, value) => this.#onRecord(key, value),
        onSnapshot: (keys) => this.#onSnapshot(keys),
        onStatus: (status) => {
          this.#up = status.up;
          options.onStatus?.(status);
        },
      },
    );
  }

  start(): void {
    this.#reader.start();
  }

  stop(): Promise<void> {
    this.#up = false;
    return this.#reader.stop();
  }

  get up(): boolean {
    return this.#up;
  }

  /** The topic was read as a whole once. */
  get whole(): boolean {
    return this.#whole;
  }

  /** The record in force, as read (its secrets may be plain: mask it before anyone sees it). */
  record(id: string): DefinitionRecord | null {
    return this.#known.get(id)?.record ?? null;
  }

  ids(): readonly string[] {
    return [...this.#known.keys()];
  }

  /** Tells of each record (or deletion) of `id` that is read, also of a repeated one; for writers that wait for their own. */
  onHeard(id: string, listener: (heard: HeardRecord) => void): () => void {
    const listeners = this.#waiting.get(id) ?? new Set();
    this.#waiting.set(id, listeners);
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#waiting.get(id) === listeners) this.#waiting.delete(id);
    };
  }

  /** What a definition may name has changed: those that were not valid are looked at anew. */
  reconsider(): void {
    for (const [id, entry] of this.#known) if (entry.refused !== null) this.#judge(id, entry, entry.refused);
  }

  #onRecord(key: string, value: Buffer | null): void {
    if (!ID.test(key)) {
      this.#tell(
        'definitionInvalid',
        null,
        `topic:${key.slice(0, 64)}`,
        `A record under "${key.slice(0, 64)}" was left out: connection ids are at most 63 letters, digits, dots, dashes and underscores.`,
      );
      return;
    }
    if (value === null) this.#onDeletion(key);
    else this.#onValue(key, value);
    const listeners = this.#waiting.get(key);
    if (listeners === undefined) return;
    const heard = { payload: value === null ? '' : value.toString('utf8') };
    for (const listener of [...listeners]) listener(heard);
  }

  /** Also of a connection that this process has not seen: it may have been deleted while the worker was away. */
  #onDeletion(id: string): void {
    this.#known.delete(id);
    this.#options.listener.onDeleted(id);
  }

  #onValue(id: string, value: Buffer): void {
    const digest = createHash('sha256').update(value).digest('base64');
    const known = this.#known.get(id);
    if (known?.digest === digest) return;
    if (known === undefined && this.#known.size >= MAX_DEFINITIONS) {
      this.#tell(
        'definitionInvalid',
        id,
        'tooMany',
        `Left out: a worker takes at most ${MAX_DEFINITIONS} connections.`,
      );
      return;
    }
    const entry: Known = known ?? { digest, record: null, refused: null };
    entry.digest = digest;
    this.#known.set(id, entry);
    this.#judge(id, entry, value);
  }

  #judge(id: string, entry: Known, value: Buffer): void {
    entry.refused = value.length > MAX_DEFINITION_BYTES ? null : value;
    const parsed = parse(value);
    if (!parsed.ok) {
      this.#invalid(id, null, parsed.errors);
      return;
    }
    const validated = this.#options.validate(id, parsed.value);
    if (!validated.ok) {
      this.#invalid(id, nameOf(parsed.value), validated.errors);
      return;
    }
    entry.refused = null;
    if (isStale(entry.record, validated.record)) {
      this.#tell(
        'definitionStale',
        id,
        validated.record.revision ?? entry.digest,
        'A change was left out: it was based on a revision that is no longer in force. Read the definition again and repeat the change.',
      );
      if (entry.record !== null) this.#options.mend?.(id, entry.record);
      return;
    }
    const made = this.#options.make(id, validated.record);
    if (!made.ok) {
      this.#invalid(id, validated.record.name, made.errors);
      return;
    }
    entry.record = validated.record;
    this.#options.listener.onDefinition(made.connection);
  }

  #onSnapshot(keys: ReadonlySet<string>): void {
    this.#whole = true;
    const ids = new Set([...keys].filter((key) => ID.test(key)));
    // A definition that comes back, perhaps byte by byte the same, is news again.
    for (const id of this.#known.keys()) if (!ids.has(id)) this.#known.delete(id);
    this.#options.listener.onSnapshot(ids);
  }

  #invalid(id: string, name: string | null, errors: readonly FieldError[]): void {
    const first = errors[0];
    const more = errors.length > 1 ? ` (and ${errors.length - 1} more, see the status)` : '';
    const words = first === undefined ? '' : ` ${first.pointer || 'It'} ${first.message}${more}.`;
    this.#tell('definitionInvalid', id, undefined, `The definition is not valid:${words}`);
    this.#options.listener.onInvalid(id, name, errors);
  }

  #tell(
    kind: EventKind & `definition${string}`,
    connectionId: string | null,
    key: string | undefined,
    message: string,
  ): void {
    const event = { kind, severity: 'error', connectionId, message } as const;
    this.#options.events.emit(key === undefined ? event : { ...event, key });
  }
}

type Parsed = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly errors: FieldError[] };

function parse(value: Buffer): Parsed {
  const fail = (message: string): Parsed => ({ ok: false, errors: [{ pointer: '', message }] });
  if (value.length > MAX_DEFINITION_BYTES) return fail(`must be at most ${MAX_DEFINITION_BYTES} bytes of JSON`);
  try {
    return { ok: true, value: JSON.parse(value.toString('utf8')) };
  } catch {
    // The parser's own words quote the text, which may hold a password.
    return fail('must be a JSON object; this is no JSON');
  }
}

/** A writer that says what it has based its change on loses against one that was faster. */
function isStale(inForce: DefinitionRecord | null, next: DefinitionRecord): boolean {
  if (next.basedOn === undefined || inForce?.revision === undefined) return false;
  return next.basedOn !== inForce.revision && next.revision !== inForce.revision;
}

function nameOf(value: unknown): string | null {
  const name = isPlainObject(value) && typeof value.name === 'string' ? value.name : '';
  return name === '' ? null : name.slice(0, 200);
}
