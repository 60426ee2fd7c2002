// Brokers that are defined over the API, put to use: what the config topic says of one is applied at once, without a restart.
import { BrokerBook } from '../connections/broker-book.ts';
import type { Definitions } from '../connections/definitions.ts';
import type { Supervisor } from '../connections/supervisor.ts';
import { describeError } from '../domain/errors.ts';
import type { EventSink } from '../domain/events.ts';
import type { Broker, Publisher } from '../domain/ports/broker.ts';
import type { Chance, Clock } from '../domain/ports/clock.ts';
import type { SecretBox } from '../domain/ports/secrets.ts';
import type { Logger } from '../ops/logger.ts';
import { checkHosts } from './broker-desk.ts';
import type { Brokers } from './brokers.ts';
import type { Downlinks } from './downlinks.ts';

export interface DefinedBrokersParts {
  readonly broker: Broker;
  readonly publisher: Publisher;
  readonly prefix: string;
  readonly box: SecretBox;
  readonly events: EventSink;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly brokers: Brokers;
  readonly downlinks: Pick<Downlinks, 'forgetBroker'>;
  readonly supervisor: Pick<Supervisor, 'renew'>;
  readonly definitions: Pick<Definitions, 'reconsider' | 'start'>;
}

/** Definitions are read all the same when that topic cannot be. */
const READ_MS = 3_000;

/** Definitions of connections are read once the brokers are, for they name them. */
export function startDefinedBrokers(parts: DefinedBrokersParts): { readonly book: BrokerBook; stop(): Promise<void> } {
  const { brokers, downlinks, supervisor, definitions, logger, clock } = parts;
  const book = new BrokerBook({
    ...parts,
    reserved: brokers.names.filter((name) => brokers.isConfigured(name)),
    checkHosts: (definition) => checkHosts(brokers, definition),
    onChange: (name, definition) => {
      try {
        brokers.define(name, definition);
      } catch (error) {
        logger.error({ broker: name, err: error }, 'The broker cannot be used');
      }
      logger.info({ broker: name }, `Broker ${name}: ${definition === null ? 'deleted' : 'defined over the API'}`);
      downlinks.forgetBroker(name).catch((error: unknown) => {
        logger.warn({ broker: name }, `The former client of ${name} did not end: ${describeError(error)}`);
      });
      supervisor.renew(({ source }) => source.broker === name);
      definitions.reconsider();
    },
  });
  let isStopped = false;
  const inTime = Promise.withResolvers<void>();
  const cancel = clock.after(READ_MS, () => inTime.resolve());
  void Promise.race([book.whole, inTime.promise]).then(() => {
    cancel();
    if (!isStopped) definitions.start();
  });
  book.start();
  const stop = (): Promise<void> => {
    isStopped = true;
    return book.stop();
  };
  return { book, stop };
}
