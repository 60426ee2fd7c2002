// The connections that the config topic defines, read once without a running bridge and with the running bridge's own readers:
// first the brokers that are defined over the API, then the definitions, which name them. Nothing is written, and no session,
// topic or key is made.
import type { Config } from '../config/config.ts';
import { BrokerBook } from '../connections/broker-book.ts';
import { Definitions } from '../connections/definitions.ts';
import type { Connection, DefinitionRecord, FieldError } from '../domain/connection.ts';
import { describeError } from '../domain/errors.ts';
import { isPlainObject } from '../domain/plain-object.ts';
import type { Broker } from '../domain/ports/broker.ts';
import type { Chance, Clock } from '../domain/ports/clock.ts';
import type { SecretBox } from '../domain/ports/secrets.ts';
import { checkHosts } from './broker-desk.ts';
import type { Brokers } from './brokers.ts';
import { connectionMaker, definitionValidator, type KnownBrokers } from './definition-parts.ts';
import { keyAtHand, withDecrypt } from './key-at-hand.ts';

export interface ReadParts {
  /** The broker of the config topic, and those that definitions name; what is defined over the API is added. */
  readonly brokers: Brokers;
  readonly clock: Clock;
  readonly chance: Chance;
  /** False: none was ever defined over the API, as far as can be seen. */
  readonly hasDefinedBrokers: boolean;
}

export interface ReadDefinitions {
  readonly connections: readonly Connection[];
  /** What the bridge itself would leave out, by connection: one sentence each. */
  readonly faults: ReadonlyMap<string, readonly string[]>;
  /** Why the topic could not be read; null: it was. */
  readonly failure: string | null;
}

interface Failure {
  readonly reason: string;
  /** False: it may pass by itself. */
  readonly fatal: boolean;
}

/** MQTT does not say when it has handed out all that it holds; on Kafka nothing waits for it. */
const SETTLE_MS = 5_000;
const READ_MS = 10_000;
const MAX_ERRORS = 5;

/** Of the connections that read from Kafka; where a definition does not tell, it may be one. */
export async function readDefinitions(config: Config, parts: ReadParts): Promise<ReadDefinitions> {
  const { brokers, clock } = parts;
  const { broker: carrier, prefix } = config.topics;
  const known: KnownBrokers = {
    get names() {
      return [...new Set([...Object.keys(config.brokers), ...brokers.names])];
    },
    kindOf: (name) => config.brokers[name]?.kind ?? brokers.kindOf(name),
    isOwnTopic: (name, topic) => brokers.isOwnTopic(name, topic),
  };
  const { box, hasKey } = keyAtHand(config);
  const { failure: unread, faultOf: brokerFault } = await readBrokers(config, parts, box);
  // Who does not answer would cost the same time once more.
  if (unread !== null && !unread.fatal) return { connections: [], faults: new Map(), failure: unread.reason };

  const connections = new Map<string, Connection>();
  const faults = new Map<string, string[]>();
  /** By connection, as its definition names it, also one that is not valid. */
  const sources = new Map<string, string>();
  const validate = definitionValidator(config, known);
  const make = connectionMaker(config, box, known);
  const makeBlindly = connectionMaker(
    config,
    withDecrypt(box, () => ''),
    known,
  );
  const isElsewhere = (id: string): boolean => {
    const kind = known.kindOf(sources.get(id) ?? '');
    return kind !== null && kind !== 'kafka';
  };
  const onInvalid = (id: string, _name: string | null, errors: readonly FieldError[]): void => {
    if (isElsewhere(id)) return;
    const ofBroker = brokerFault(sources.get(id) ?? '');
    const about = `It could not be looked at, for its definition is not valid: ${wordsOf(errors)}.`;
    faults.set(id, ofBroker === null ? [about] : [about, ofBroker]);
  };
  const failure = await readOnce(brokers.get(carrier) as Broker, clock, (broker) => {
    return new Definitions({
      ...{ broker, prefix, clientId: '', settleMs: SETTLE_MS, onStatus: () => {}, events: { emit: () => {} } },
      validate: (id, value) => {
        sources.set(id ?? '', sourceOf(value) ?? config.sources.broker);
        return validate(id, value);
      },
      make: (id: string, record: DefinitionRecord) => {
        const made = make(id, record);
        if (made.ok || isElsewhere(id)) return made;
        // Topics are no secrets. Without a key here nothing can be said of those that are.
        if (hasKey) faults.set(id, [`The bridge leaves it out: ${wordsOf(made.errors)}. Its topics are looked at.`]);
        return makeBlindly(id, record);
      },
      listener: {
        onDefinition: (connection) => void connections.set(connection.id, connection),
        onInvalid,
        onDeleted: (id) => {
          connections.delete(id);
          faults.delete(id);
        },
        onSnapshot: () => {},
      },
    });
  });
  const fromKafka = [...connections.values()].filter(({ id }) => !isElsewhere(id));
  return { connections: fromKafka, faults, failure: failure?.reason ?? null };
}

/** Those that are defined over the API are added to `brokers`. Of one that could not be: the reason, by its name. */
async function readBrokers(
  config: Config,
  { brokers, clock, chance, hasDefinedBrokers }: ReadParts,
  box: SecretBox,
): Promise<{ readonly failure: Failure | null; readonly faultOf: (name: string) => string | null }> {
  if (!hasDefinedBrokers) return { failure: null, faultOf: () => null };
  const { broker: carrier, prefix } = config.topics;
  const known = Object.keys(config.brokers);
  const faults = new Map<string, string>();
  const failure = await readOnce(brokers.get(carrier) as Broker, clock, (broker) => {
    return new BrokerBook({
      ...{ broker, prefix, box, clock, chance },
      // Never started: it is for those who define brokers.
      publisher: broker.openPublisher({}),
      events: { emit: ({ key = '', message }) => void faults.set(key, message) },
      reserved: known,
      checkHosts: (definition) => checkHosts(brokers, definition),
      onChange: (name, definition) => {
        try {
          brokers.define(name, definition);
        } catch (error) {
          faults.set(name, `The broker "${name}" cannot be used: ${describeError(error)}.`);
        }
      },
    });
  });
  const faultOf = (name: string): string | null => {
    if (known.includes(name) || brokers.kindOf(name) !== null) return null;
    const unread = failure && `The brokers that are defined over the API could not be read: ${failure.reason}.`;
    return faults.get(name) ?? unread;
  };
  return { failure, faultOf };
}

/** Null: all that the topic had was handed to the reader; else why not. */
async function readOnce(
  broker: Broker,
  clock: Clock,
  open: (broker: Broker) => { start(): void; stop(): Promise<void> },
): Promise<Failure | null> {
  const done = Promise.withResolvers<Failure | null>();
  let reason = 'no answer';
  const reader = open({
    ...broker,
    // Under no name: the session of that name is the running bridge's.
    openTable: ({ prefix, settleMs }, listener) =>
      broker.openTable(
        { prefix, settleMs },
        {
          onRecord: (key, value) => listener.onRecord(key, value),
          onSnapshot: (keys) => {
            listener.onSnapshot(keys);
            done.resolve(null);
          },
          onStatus: (status) => {
            listener.onStatus(status);
            reason = status.reason ?? reason;
            if (status.fatal === true) done.resolve({ reason, fatal: true });
          },
        },
      ),
  });
  const cancel = clock.after(READ_MS, () => done.resolve({ reason, fatal: false }));
  reader.start();
  try {
    return await done.promise;
  } finally {
    cancel();
    await reader.stop();
  }
}

/** The broker that a definition names, also one that is not valid. */
function sourceOf(value: unknown): string | null {
  const configuration = isPlainObject(value) ? value.configuration : null;
  const source = isPlainObject(configuration) ? configuration.source : null;
  return isPlainObject(source) && typeof source.broker === 'string' ? source.broker : null;
}

function wordsOf(errors: readonly FieldError[]): string {
  const words = errors.slice(0, MAX_ERRORS).map(({ pointer, message }) => `${pointer || 'it'} ${message}`);
  const more = errors.length - words.length;
  return more > 0 ? `${words.join('; ')}; and ${more} more` : words.join('; ');
}
