// Changes of definitions, all by way of the config topic: written with a revision and what it is based on, and read back.
import { createHash } from 'node:crypto';
import { encryptSecrets, mergeMasked } from '../connections/definition-secrets.ts';
import type { Definitions } from '../connections/definitions.ts';
import type { DefinitionValidator } from '../connections/validate-definition.ts';
import type { DefinitionRecord } from '../domain/connection.ts';
import { describeError } from '../domain/errors.ts';
import { isPlainObject } from '../domain/plain-object.ts';
import type { Publisher } from '../domain/ports/broker.ts';
import type { Chance, Clock } from '../domain/ports/clock.ts';
import type { AmendOutcome, ApplyOutcome, WriteCondition } from '../domain/ports/control.ts';
import type { SecretBox } from '../domain/ports/secrets.ts';

export interface DefinitionWriterOptions {
  readonly definitions: Pick<Definitions, 'up' | 'record' | 'ids' | 'onHeard'>;
  readonly publisher: Publisher;
  readonly prefix: string;
  readonly validate: DefinitionValidator;
  readonly box: SecretBox;
  readonly clock: Clock;
  readonly chance: Chance;
  /** There is something of it besides a definition: a status or a store. */
  readonly isKnown: (id: string) => boolean;
}

/** How long a writer waits to read its own record back. */
const READ_BACK_MS = 10_000;
/** A change that gives no revision is made anew on what others have written meanwhile. */
const ATTEMPTS = 4;

type Written =
  | { readonly kind: 'ok' }
  /** Another writer was faster: every reader leaves ours out. */
  | { readonly kind: 'overtaken' }
  | { readonly kind: 'unavailable'; readonly message: string };

/** Names what a change is based on, also where other producers write no revisions. */
export function revisionOf(record: DefinitionRecord): string {
  if (record.revision !== undefined) return record.revision;
  return `sha-${createHash('sha256').update(JSON.stringify(record)).digest('hex').slice(0, 24)}`;
}

export class DefinitionWriter {
  readonly #o: DefinitionWriterOptions;
  /** The last change of each id: those of one process come one after the other. */
  readonly #queues = new Map<string, Promise<unknown>>();

  constructor(options: DefinitionWriterOptions) {
    this.#o = options;
  }

  apply(id: string, record: unknown, condition: WriteCondition = {}): Promise<ApplyOutcome> {
    return this.#inTurn(id, () => this.#change(id, condition, () => record));
  }

  async amend(
    id: string,
    change: Readonly<Record<string, unknown>>,
    condition: WriteCondition = {},
  ): Promise<AmendOutcome> {
    if (this.#o.definitions.record(id) === null) return { kind: 'notFound' };
    return this.#inTurn(id, () =>
      this.#change(id, condition, (before) => (before === null ? null : mergePatch(content(before), change))),
    );
  }

  remove(id: string, condition: WriteCondition = {}): Promise<AmendOutcome> {
    return this.#inTurn(id, () => this.#remove(id, condition));
  }

  async #remove(id: string, condition: WriteCondition): Promise<AmendOutcome> {
    const before = this.#o.definitions.record(id);
    const refusal = refuse(id, before, condition);
    if (!this.#o.definitions.ids().includes(id) && !this.#o.isKnown(id)) return { kind: 'notFound' };
    if (refusal !== null) return refusal;
    const written = await this.#write(id, '', () => this.#o.definitions.record(id) === null);
    if (written.kind === 'overtaken') return { kind: 'ok', created: false };
    return written.kind === 'ok' ? { kind: 'ok', created: false } : written;
  }

  async #inTurn<T>(id: string, work: () => Promise<T>): Promise<T> {
    const turn = (this.#queues.get(id) ?? Promise.resolve()).then(work, work);
    this.#queues.set(id, turn);
    try {
      return await turn;
    } finally {
      if (this.#queues.get(id) === turn) this.#queues.delete(id);
    }
  }

  async #change(
    id: string,
    condition: WriteCondition,
    next: (before: DefinitionRecord | null) => unknown,
  ): Promise<ApplyOutcome> {
    const { definitions, validate, box, chance } = this.#o;
    for (let attempt = 1; ; attempt++) {
      const before = definitions.record(id);
      const refusal = refuse(id, before, condition);
      if (refusal !== null) return refusal;
      const wanted = next(before);
      const validated = validate(id, isRecord(wanted) ? mergeMasked(before, wanted) : wanted);
      if (!validated.ok) return { kind: 'invalid', errors: validated.errors };
      const { revision: _revision, basedOn, ...rest } = validated.record;
      // A definition that says itself what it is based on.
      if (basedOn !== undefined && before !== null && basedOn !== revisionOf(before)) return overtaken(id);
      const revision = chance.uuid().replaceAll('-', '').slice(0, 16);
      const record: DefinitionRecord = {
        ...rest,
        revision,
        ...(before?.revision === undefined ? {} : { basedOn: before.revision }),
      };
      const payload = JSON.stringify(encryptSecrets(id, record, box));
      const written = await this.#write(id, payload, () => definitions.record(id)?.revision === revision);
      if (written.kind === 'ok') return { kind: 'ok', created: before === null };
      if (written.kind === 'unavailable') return written;
      if (condition.revision !== undefined || basedOn !== undefined || attempt >= ATTEMPTS) return overtaken(id);
    }
  }

  /** Publishes and waits until the reader of definitions has heard it; `isInForce` is asked then. */
  async #write(id: string, payload: string, isInForce: () => boolean): Promise<Written> {
    const { definitions, publisher, prefix, clock } = this.#o;
    if (!definitions.up) return { kind: 'unavailable', message: 'The config topic cannot be reached; try again later' };
    const heard = Promise.withResolvers<boolean>();
    const forget = definitions.onHeard(id, (record) => {
      if (record.payload === payload) heard.resolve(true);
    });
    const cancel = clock.after(READ_BACK_MS, () => heard.resolve(false));
    try {
      await publisher.publish(`${prefix}/connections/${id}`, payload, { retain: true });
      if (await heard.promise) return isInForce() ? { kind: 'ok' } : { kind: 'overtaken' };
      return { kind: 'unavailable', message: 'The change was published but not read back; look at the connection' };
    } catch (error) {
      return { kind: 'unavailable', message: `The config topic did not take it: ${describeError(error)}` };
    } finally {
      forget();
      cancel();
    }
  }
}

function refuse(
  id: string,
  before: DefinitionRecord | null,
  { revision, exists }: WriteCondition,
): { readonly kind: 'conflict'; readonly message: string } | null {
  if (exists === false && before !== null) return { kind: 'conflict', message: `There is a connection ${id} already` };
  if (exists === true && before === null) return { kind: 'conflict', message: `There is no definition of ${id}` };
  if (revision === undefined || (before !== null && revisionOf(before) === revision)) return null;
  return overtaken(id);
}

function overtaken(id: string): { readonly kind: 'conflict'; readonly message: string } {
  const message = `The definition of ${id} was changed meanwhile: read it again and repeat the change`;
  return { kind: 'conflict', message };
}

/** What a person has said of it. */
function content({ revision: _revision, basedOn: _basedOn, ...rest }: DefinitionRecord): Partial<DefinitionRecord> {
  return rest;
}

/** RFC 7396. */
function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isPlainObject(patch)) return patch;
  const merged: Record<string, unknown> = isPlainObject(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete merged[name];
    else Object.defineProperty(merged, name, { value: mergePatch(merged[name], value), ...OWN });
  }
  return merged;
}

/** Also for a field named `__proto__`, which validation then refuses by name. */
const OWN = { enumerable: true, configurable: true, writable: true } as const;

/** Enough of one that its secrets can be merged; the validator judges the rest. */
function isRecord(value: unknown): value is DefinitionRecord {
  return isPlainObject(value) && isPlainObject(value.configuration);
}
