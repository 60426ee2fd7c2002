// The brokers that were defined over the API, on the config topic: one record each, `{prefix}/brokers/{name}`, beside the
// definitions of connections. Certificates and secrets are sealed in it. Every worker reads it, so each applies the same.
import { createHash } from 'node:crypto';
import {
  type BrokerDefinition,
  destinationOf,
  HIDDEN_FIELDS,
  mapFields,
  SEALED_FIELDS,
} from '../domain/broker-definition.ts';
import type { FieldError } from '../domain/connection.ts';
import { describeError } from '../domain/errors.ts';
import type { EventSink } from '../domain/events.ts';
import { isPlainObject } from '../domain/plain-object.ts';
import type { Broker, Publisher, TableReader } from '../domain/ports/broker.ts';
import type { BrokerCondition, BrokerOutcome } from '../domain/ports/brokers.ts';
import type { Chance, Clock } from '../domain/ports/clock.ts';
import type { SecretBox } from '../domain/ports/secrets.ts';
import { sealBroker, unsealBroker } from './broker-secrets.ts';
import { type CheckedBroker, checkBrokerDefinition, checkBrokerName } from './check-broker.ts';
import { SECRET_MASK } from './check-semantics.ts';

export interface BrokerBookOptions {
  readonly broker: Broker;
  readonly publisher: Publisher;
  readonly prefix: string;
  readonly box: SecretBox;
  readonly events: EventSink;
  readonly clock: Clock;
  readonly chance: Chance;
  /** Names of the configuration: records under them are left out. */
  readonly reserved: readonly string[];
  /** May it be at these hosts? Null, or why not. */
  readonly checkHosts: (definition: BrokerDefinition) => readonly FieldError[];
  /** In force from now on, its secrets plain; null: it is gone. */
  readonly onChange: (name: string, definition: BrokerDefinition | null) => void;
}

const SETTLE_MS = 300;
const READ_BACK_MS = 10_000;
const MAX_BROKERS = 1_000;
const MAX_RECORD_BYTES = 131_072;

export class BrokerBook {
  readonly #o: BrokerBookOptions;
  readonly #reader: TableReader;
  /** As on the topic: sealed. */
  readonly #records = new Map<string, BrokerDefinition>();
  /** Of their plain form: the same record handed out again, or sealed anew, changes nothing. */
  readonly #digests = new Map<string, string>();
  readonly #waiting = new Map<string, (payload: string) => void>();
  readonly #whole = Promise.withResolvers<void>();
  #up = false;

  constructor(options: BrokerBookOptions) {
    this.#o = options;
    this.#reader = options.broker.openTable(
      { prefix: `${options.prefix}/brokers`, settleMs: SETTLE_MS },
      {
        onRecord: (key, value) => this.#onRecord(key, value),
        onSnapshot: (keys) => {
          for (const name of this.#records.keys()) if (!keys.has(name)) this.#forget(name);
          this.#whole.resolve();
        },
        onStatus: ({ up }) => {
          this.#up = up;
        },
      },
    );
  }

  start(): void {
    this.#reader.start();
  }

  async stop(): Promise<void> {
    this.#whole.resolve();
    await this.#reader.stop();
  }

  /** Resolves when the topic was read once, or with `stop`. */
  get whole(): Promise<void> {
    return this.#whole.promise;
  }

  get names(): readonly string[] {
    return [...this.#records.keys()].sort();
  }

  revision(name: string): string | null {
    return this.#records.get(name)?.revision ?? null;
  }

  /** For people: secrets masked, certificates readable. */
  shown(name: string): BrokerDefinition | null {
    const record = this.#records.get(name);
    if (record === undefined) return null;
    return unsealBroker(
      this.#o.box,
      name,
      mapFields(record, HIDDEN_FIELDS, () => SECRET_MASK),
      false,
    );
  }

  /** Its sealed values. */
  sealed(): readonly string[] {
    const values: string[] = [];
    for (const record of this.#records.values()) {
      mapFields(record, SEALED_FIELDS, (_, value) => {
        values.push(value);
        return value;
      });
    }
    return values;
  }

  /** All that is wrong with it; `name`: whose stored secrets `*****` stands for. */
  check(name: string | null, value: unknown): CheckedBroker {
    const stored = (): BrokerDefinition | null => (name === null ? null : this.#stored(name));
    return checkBrokerDefinition(name, value, stored, this.#o.checkHosts);
  }

  async put(name: string, value: unknown, condition: BrokerCondition): Promise<BrokerOutcome> {
    const nameError = checkBrokerName(name);
    if (nameError !== null) return { kind: 'invalid', errors: [{ pointer: '/name', message: nameError }] };
    const checked = this.check(name, value);
    if (!checked.ok) return { kind: 'invalid', errors: checked.errors };
    const before = this.#records.get(name);
    const conflict = this.#conflict(name, condition);
    if (conflict !== null) return conflict;
    if (before === undefined && this.#records.size >= MAX_BROKERS) {
      return { kind: 'conflict', message: `There are ${MAX_BROKERS} brokers already` };
    }
    const { name: _name, revision: _revision, basedOn: _basedOn, ...rest } = checked.definition;
    const revision = this.#o.chance.uuid().replaceAll('-', '').slice(0, 16);
    const based = before?.revision === undefined ? {} : { basedOn: before.revision };
    const record = { ...rest, revision, ...based } as BrokerDefinition;
    const written = await this.#write(name, JSON.stringify(sealBroker(this.#o.box, name, record)));
    if (written !== null) return { kind: 'unavailable', message: written };
    if (this.revision(name) !== revision) return overtaken(name);
    return { kind: 'ok', created: before === undefined };
  }

  async remove(name: string, condition: BrokerCondition): Promise<BrokerOutcome> {
    if (!this.#records.has(name)) return { kind: 'notFound' };
    const conflict = this.#conflict(name, condition);
    if (conflict !== null) return conflict;
    const written = await this.#write(name, '');
    return written === null ? { kind: 'ok', created: false } : { kind: 'unavailable', message: written };
  }

  /** Seals all anew with the current key. */
  async reseal(): Promise<void> {
    const { box } = this.#o;
    for (const [name, record] of this.#records) {
      const sealed = sealBroker(box, name, unsealBroker(box, name, record, false));
      await this.#o.publisher.publish(this.#topic(name), JSON.stringify(sealed), { retain: true });
    }
  }

  #conflict(name: string, { revision, exists }: BrokerCondition): BrokerOutcome | null {
    const before = this.#records.get(name);
    if (exists === false && before !== undefined)
      return { kind: 'conflict', message: `There is a broker ${name} already` };
    if (exists === true && before === undefined) return { kind: 'conflict', message: `There is no broker ${name}` };
    return revision === undefined || before?.revision === revision ? null : overtaken(name);
  }

  /** Null: it was read back. */
  async #write(name: string, payload: string): Promise<string | null> {
    const { publisher, clock } = this.#o;
    if (!this.#up) return 'The config topic cannot be reached; try again later';
    if (this.#waiting.has(name)) return 'Another change of this broker is under way; try again';
    const heard = Promise.withResolvers<boolean>();
    this.#waiting.set(name, (read) => {
      if (read === payload) heard.resolve(true);
    });
    const cancel = clock.after(READ_BACK_MS, () => heard.resolve(false));
    try {
      await publisher.publish(this.#topic(name), payload, { retain: true });
      return (await heard.promise) ? null : 'The change was published but not read back; look at the broker';
    } catch (error) {
      return `The config topic did not take it: ${describeError(error)}`;
    } finally {
      this.#waiting.delete(name);
      cancel();
    }
  }

  #onRecord(name: string, value: Buffer | null): void {
    if (value === null) this.#forget(name);
    else this.#onValue(name, value);
    this.#waiting.get(name)?.(value === null ? '' : value.toString('utf8'));
  }

  #onValue(name: string, value: Buffer): void {
    const read = this.#read(name, value);
    if (typeof read === 'string') {
      const message = `The definition of the broker "${name.slice(0, 64)}" on the config topic is left out: ${read}.`;
      this.#o.events.emit({ kind: 'brokerInvalid', severity: 'error', connectionId: null, key: name, message });
      return;
    }
    // Kept as it will be written; the plain values live in the clients alone.
    this.#records.set(name, sealBroker(this.#o.box, name, read));
    const digest = createHash('sha256').update(JSON.stringify(read)).digest('base64');
    if (this.#digests.get(name) === digest) return;
    this.#digests.set(name, digest);
    this.#o.onChange(name, read);
  }

  /** In plain; a text says why not. */
  #read(name: string, value: Buffer): BrokerDefinition | string {
    if (this.#o.reserved.includes(name)) return 'the configuration has a broker of this name';
    const wrong = checkBrokerName(name);
    if (wrong !== null) return `its name ${wrong}`;
    if (value.length > MAX_RECORD_BYTES) return `it is more than ${MAX_RECORD_BYTES} bytes`;
    const before = this.#records.get(name);
    if (before === undefined && this.#records.size >= MAX_BROKERS) return `there are ${MAX_BROKERS} already`;
    let plain: unknown;
    try {
      plain = JSON.parse(value.toString('utf8'));
      if (isPlainObject(plain)) plain = this.#unsealed(name, plain as BrokerDefinition);
    } catch (error) {
      // The parser's own words quote the text, which may hold a password.
      return error instanceof SyntaxError ? 'it is no JSON' : describeError(error);
    }
    const checked = this.check(name, plain);
    if (!checked.ok) return `${checked.errors[0]?.pointer || 'it'} ${checked.errors[0]?.message}`;
    const { revision, basedOn } = checked.definition;
    const inForce = before?.revision;
    const isStale = basedOn !== undefined && inForce !== undefined && basedOn !== inForce && revision !== inForce;
    return isStale ? 'it was based on a revision that is no longer in force' : checked.definition;
  }

  #forget(name: string): void {
    this.#digests.delete(name);
    if (this.#records.delete(name)) this.#o.onChange(name, null);
  }

  /** What was sealed before secrets were bound to an address opens too, but not to lead to another one than is in force. */
  #unsealed(name: string, given: BrokerDefinition): BrokerDefinition {
    const { box } = this.#o;
    const plain = unsealBroker(box, name, given, true);
    const inForce = this.shown(name);
    const isMoved = inForce !== null && destinationOf(inForce) !== destinationOf(plain);
    return isMoved ? unsealBroker(box, name, given, false) : plain;
  }

  /** In plain. */
  #stored(name: string): BrokerDefinition | null {
    const record = this.#records.get(name);
    return record === undefined ? null : unsealBroker(this.#o.box, name, record, false);
  }

  #topic(name: string): string {
    return `${this.#o.prefix}/brokers/${name}`;
  }
}

function overtaken(name: string): BrokerOutcome {
  return { kind: 'conflict', message: `The broker ${name} was changed meanwhile: read it again and repeat the change` };
}
