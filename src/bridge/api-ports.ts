// What the API asks of a worker, put together of the worker's parts.
import type { ApiPorts } from '../api/routes.ts';
import type { Config } from '../config/config.ts';
import type { BrokerBook } from '../connections/broker-book.ts';
import type { Definitions } from '../connections/definitions.ts';
import type { DefinitionValidator } from '../connections/validate-definition.ts';
import type { Publisher } from '../domain/ports/broker.ts';
import type { Chance, Clock } from '../domain/ports/clock.ts';
import type { WorkerView } from '../domain/ports/control.ts';
import { DEMO_SERVICE } from '../domain/ports/demo.ts';
import type { SecretBox } from '../domain/ports/secrets.ts';
import type { BridgeStore } from '../domain/ports/store.ts';
import type { Gateway } from '../here/gateway.ts';
import type { Logger } from '../ops/logger.ts';
import { createBrokerDesk } from './broker-desk.ts';
import { BrokerLag } from './broker-lag.ts';
import type { Brokers } from './brokers.ts';
import { createCommandControl } from './commands.ts';
import { testConnection } from './connection-test.ts';
import { createControl } from './control.ts';
import { createLetterControl } from './dead-letters.ts';
import { connectionMaker } from './definition-parts.ts';
import { DefinitionWriter } from './definition-writer.ts';
import { createDeviceDesk } from './device-desk.ts';
import type { Downlinks } from './downlinks.ts';
import { FigureKeeper } from './figures.ts';
import { createHereDesk } from './here-desk.ts';
import { insights } from './insights.ts';
import type { LiveFeed } from './live-feed.ts';
import { createSourceLook } from './source-look.ts';
import { createUplinkTrial } from './uplink-trial.ts';
import type { Views } from './views.ts';

export interface ApiPortsOptions {
  readonly config: Config;
  readonly version: string;
  readonly prefix: string;
  readonly views: Views;
  readonly definitions: Definitions;
  readonly publisher: Publisher;
  readonly validate: DefinitionValidator;
  readonly box: SecretBox;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly store: BridgeStore;
  readonly feed: LiveFeed;
  readonly gateway: Gateway;
  readonly brokers: Brokers;
  readonly book: BrokerBook;
  readonly downlinks: Downlinks;
  readonly logger: Logger;
  readonly worker: Omit<WorkerView, 'ready' | 'connections' | 'brokers'>;
}

export type OwnPorts = Omit<
  ApiPorts,
  'access' | 'audit' | 'cookies' | 'debug' | 'keys' | 'metrics' | 'metricsPublic' | 'usage' | 'demo'
>;

/** `stop` saves what is only in memory: before the stores close. */
export function createApiPorts(options: ApiPortsOptions): {
  readonly ports: OwnPorts;
  readonly lagOf: (connectionId: string) => number | null;
  stop(): void;
} {
  const { config, version, views, definitions, clock, chance, store, box, gateway, brokers, validate } = options;
  const isReady = (): boolean => definitions.up;
  const isKnown = (id: string): boolean => views.status(id) !== null || store.connectionIds().includes(id);
  const record = (id: string) => definitions.record(id);
  const make = connectionMaker(config, box, brokers);
  const services = Object.keys(config.here.services);

  const figures = new FigureKeeper({ views, store, clock });
  figures.start();
  const trial = createUplinkTrial({ config, record, validate, make, now: () => clock.now() });
  const here = createHereDesk({
    ...{ gateway, definitions, make, views, services },
    defaultService: config.here.defaultService,
  });
  const lookAt = createSourceLook({ broker: (name) => brokers.get(name), clock, chance, explain: trial.explain });
  const control = createControl({
    views,
    maxMessageBytes: config.sources.maxMessageBytes,
    definitions,
    writer: new DefinitionWriter({ ...options, isKnown }),
    clock,
    feed: options.feed,
    figures,
    eventStore: store.events,
    letters: createLetterControl({
      store,
      keepAfterDeleteMs: config.deadLetters.keepAfterDeleteMs,
      views,
      definitions,
      clock,
    }),
    commands: createCommandControl({ store, downlinks: options.downlinks, views }),
    ...insights({ views, gateway, store, definitions, defaultService: config.here.defaultService }),
    worker: () => ({
      ...options.worker,
      ready: isReady(),
      connections: views.ids().length,
      brokers: brokers.list(),
    }),
  });
  const ports: OwnPorts = {
    control,
    isReady,
    version,
    clock,
    // The demo makes its definitions itself.
    names: () => ({ brokers: brokers.names, services: services.filter((name) => name !== DEMO_SERVICE) }),
    brokers: createBrokerDesk({
      ...{ brokers, book: options.book, definitions, clock, chance },
      isOff: config.brokerDefinitions.hosts.length === 0,
    }),
    figures,
    devices: createDeviceDesk({
      ...{ views, store, box, unclaim: here.unclaim },
      saveFigures: (id) => figures.save(id),
      saveHeard: () => options.downlinks.save(),
    }),
    desk: {
      ...here,
      tryUplink: trial.tryUplink,
      test: (id, definition, listenMs, signal) => {
        const parts = { record, validate, make, desk: here, lookAt };
        return testConnection(parts, { id, definition, listenMs, now: clock.now() }, signal);
      },
    },
  };
  const lag = new BrokerLag({
    broker: (name) => brokers.get(name),
    connections: () =>
      [...views.lines].flatMap(
        ([
          id,
          {
            source,
            store: { places },
          },
        ]) => (places === undefined ? [] : [{ id, broker: source.broker, topics: source.topics, places }]),
      ),
    clock,
    logger: options.logger,
  });
  lag.start();
  const stop = (): void => {
    lag.stop();
    figures.stop();
  };
  return { ports, lagOf: (id) => lag.of(id), stop };
}
