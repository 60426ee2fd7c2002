// Composition root: builds the parts of a worker, starts them in order, stops them in reverse.
import { startAccess } from './bridge/access.ts';
import { startApi } from './bridge/api.ts';
import { createApiPorts } from './bridge/api-ports.ts';
import { createBackup } from './bridge/backup.ts';
import { Brokers } from './bridge/brokers.ts';
import { ClusterParts } from './bridge/cluster.ts';
import { configReach } from './bridge/config-reach.ts';
import { debugLogs } from './bridge/debug-parts.ts';
import { startDefinedBrokers } from './bridge/defined-brokers.ts';
import { connectionMaker, definitionValidator } from './bridge/definition-parts.ts';
import { openOwnDirectory } from './bridge/directories.ts';
import { Downlinks } from './bridge/downlinks.ts';
import { metricsPage } from './bridge/facts.ts';
import { workerIdentity } from './bridge/identity.ts';
import { Incidents } from './bridge/incidents.ts';
import { createKeyControl } from './bridge/keys.ts';
import { LetterTopic } from './bridge/letter-topic.ts';
import { lineMaker } from './bridge/lines.ts';
import { LiveFeed } from './bridge/live-feed.ts';
import { brokerNamed, proxySettings, versionOf } from './bridge/setup.ts';
import { SETTLE_MS, stopAll } from './bridge/stop-all.ts';
import { Views } from './bridge/views.ts';
import type { Config } from './config/config.ts';
import { groupOf } from './config/group.ts';
import { claimPrefix, watchPrefix } from './connections/claim-prefix.ts';
import { ConnectionRuntime } from './connections/connection-runtime.ts';
import { Definitions } from './connections/definitions.ts';
import { EventLog } from './connections/event-log.ts';
import { lastWill } from './connections/heartbeat.ts';
import { HeartbeatSeal } from './connections/heartbeat-seal.ts';
import { HostHealth } from './connections/host-health.ts';
import { scopeOf, sessionNames } from './connections/session-names.ts';
import { StatusPublisher } from './connections/status-publisher.ts';
import { Supervisor } from './connections/supervisor.ts';
import type { BridgeError } from './domain/errors.ts';
import type { BridgeEvent } from './domain/events.ts';
import type { Broker } from './domain/ports/broker.ts';
import type { Chance, Clock } from './domain/ports/clock.ts';
import type { Control } from './domain/ports/control.ts';
import type { DemoControl } from './domain/ports/demo.ts';
import { Gateway } from './here/gateway.ts';
import type { Logger } from './ops/logger.ts';
import { openSecretBox } from './store/secrets.ts';
import { openStore, type StoreOptions } from './store/store.ts';

export interface BridgeParts {
  readonly logger: Logger;
  readonly clock: Clock;
  readonly chance: Chance;
  /** Absent: this process has none. */
  readonly demo?: DemoControl;
  /** Ends a start that waits for a broker. */
  readonly signal?: AbortSignal;
}

export interface Bridge {
  readonly control: Control;
  readonly health: { readonly url: string };
  /** Of all connections since the start: arrival in the bridge → accepted by HERE, ms. */
  readonly latency: { quantile(q: number): number };
  /** Resolves when another worker lives on the prefix as well and this one must give way: stop it then, and end with the error. */
  readonly ousted: Promise<BridgeError>;
  /** Takes nothing more, settles what is in flight (bounded), commits, closes. Idempotent. */
  stop(): Promise<void>;
}

const NEW_KEY =
  'A key for secrets was made: back this file up. Without it nobody can read the passwords in the definitions again';

/** Rejects with a BridgeError: `dataDirInUse`, `prefixInUse`, `brokerPortInUse` (75), `storeUnavailable` (69) and the like. */
export async function startBridge(config: Config, parts: BridgeParts): Promise<Bridge> {
  const stops: (() => Promise<void> | void)[] = [];
  const stop = (): Promise<void> => stopAll(stops);
  try {
    return await build(config, parts, stops, stop);
  } catch (error) {
    // Why it did not start is what a person has to know.
    await stop().catch((after: unknown) => parts.logger.warn({ err: after }, 'Not all could be stopped in order'));
    throw error;
  }
}

async function build(
  config: Config,
  { logger, clock, chance, signal, demo }: BridgeParts,
  stops: (() => Promise<void> | void)[],
  stop: () => Promise<void>,
): Promise<Bridge> {
  const { topics, worker } = config;
  const group = groupOf(config);
  const { key, formerKeys } = config.secrets;
  const onNewKey = (file: string): void => logger.info({ file }, NEW_KEY);
  const box = openSecretBox({ dataDir: config.dataDir, key, formerKeys, onNewKey });
  const incidents = new Incidents(logger);
  const letterTopic = new LetterTopic(logger);
  const feed = new LiveFeed();
  let publishEvent = (_event: BridgeEvent): void => {};
  const storeOptions: Omit<StoreOptions, 'dataDir'> = {
    clock,
    box,
    deadLettersMaxBytes: config.budgets.deadLetterMaxBytes,
    deadLettersMaxAgeMs: config.budgets.deadLetterMaxAgeMs,
    keepAfterDeleteMs: config.deadLetters.keepAfterDeleteMs,
    allJournalsMaxBytes: config.budgets.allJournalsMaxBytes,
    allDeadLettersMaxBytes: config.budgets.allDeadLettersMaxBytes,
    maxEvents: config.budgets.eventsMaxCount,
    maxAuditEntries: config.budgets.auditMaxCount,
    onDeadLetters: (id, letters) => letterTopic.publish(id, letters),
    report: incidents.report,
  };
  const open = (directory: string) => openStore({ ...storeOptions, dataDir: directory });
  const { directory: dataDir, store: ownStore } =
    group === null
      ? { directory: config.dataDir, store: await open(config.dataDir) }
      : await openOwnDirectory(config.dataDir, open);
  stops.push(() => ownStore.close());
  const identity = workerIdentity({ id: worker.id, dataDir, version: versionOf(), clock, chance });
  const events = new EventLog({
    clock,
    chance,
    store: ownStore.events,
    onEvent: (event) => {
      publishEvent(event);
      feed.tell({ kind: 'event', connectionId: event.connectionId, event });
      const fields = { event: event.kind, connectionId: event.connectionId ?? undefined, count: event.count };
      logger[event.severity === 'warning' ? 'warn' : event.severity](fields, event.message);
    },
    onStoreError: (error) => logger.warn({ err: error }, 'An event could not be kept'),
  });
  incidents.tellBy(events);

  const brokers = new Brokers({
    brokers: config.brokers,
    topics,
    definedHosts: config.brokerDefinitions.hosts,
    sources: config.sources,
    dataDir,
    clock,
    chance,
    onNotice: (broker, message) => logger.warn({ broker }, message),
  });
  stops.push(() => brokers.stop());
  await brokers.start();
  const configBroker = brokerNamed(brokers, topics.broker);
  const { prefix } = topics;
  await claimPrefix({
    broker: configBroker,
    prefix,
    identity,
    group,
    clock,
    signal: signal ?? new AbortController().signal,
    onWaiting: (reason) =>
      logger.warn({ broker: topics.broker }, `Waiting for the broker of the config topic: ${reason}`),
  });

  const seal = new HeartbeatSeal(prefix, box);
  const publisher = configBroker.openPublisher({ will: lastWill(seal, identity, clock.now(), worker.heartbeatMs) });
  if (config.budgets.publishDeadLetters) letterTopic.publishBy(publisher, prefix);
  const cluster = ClusterParts.for({
    ...{ config, identity, directory: dataDir, store: ownStore, open, box, broker: configBroker, publisher },
    ...{ seal, events, logger, clock, chance },
  });
  const store = cluster?.store ?? ownStore;
  const publishing = { heartbeatMs: worker.heartbeatMs, ...(cluster?.publishing ?? {}) };
  const status = new StatusPublisher({ publisher, prefix, seal, identity, clock, ...publishing });
  const views = new Views(status, clock, feed);
  publishEvent = (event) => status.publishEvent(event);
  stops.push(
    () => status.stop(),
    () => events.stop(),
  );
  status.start();
  const ousted = Promise.withResolvers<BridgeError>();
  const watched = { broker: configBroker, identity, group, clock, seal, events };
  const stopWatch = watchPrefix({ ...watched, onOusted: ousted.resolve });
  stops.push(stopWatch);

  const gateway = new Gateway({
    services: config.here.services,
    vault: cluster?.vault ?? store.accounts,
    ...(cluster === null ? {} : { mayAct: cluster.mayAct }),
    devices: store.devices,
    secrets: box,
    clock,
    chance,
    proxy: proxySettings(config),
    userAgent: `here-tracking-bridge/${versionOf()}`,
  });
  stops.push(() => gateway.stop());
  const hostHealth = new HostHealth({ gateway, clock, chance });
  stops.push(() => hostHealth.stop());

  const downlinks = new Downlinks(config, { store, brokers, clock, chance, events });
  // Both say farewell to brokers: together, or one that hangs would cost the time twice.
  stops.push(() => Promise.all([downlinks.stop(), status.stop()]).then(() => {}));
  const debug = debugLogs(config, { logger, clock, feed, store, views });
  stops.push(() => debug.stop());
  const makeLine = lineMaker(config, { clock, chance, events, views, downlinks, debug });
  const journalMaxBytes = config.budgets.journalMaxBytes;
  const broker = (name: string): Broker | null => brokers.get(name);
  const supervisor = new Supervisor({
    workerId: identity.id,
    store,
    events,
    status: views,
    clock,
    purge: { store, broker, events, clock, journalMaxBytes },
    createRuntime: (connection) =>
      new ConnectionRuntime(connection, {
        workerId: identity.id,
        ...{ store, broker, gateway, makeLine },
        clientId: sessionNames(prefix),
        hostHealth,
        events,
        status: views,
        clock,
        chance,
        journalMaxBytes,
        ...config.delivery,
        closeTimeoutMs: SETTLE_MS,
        ...(cluster === null ? {} : { mayConnect: cluster.mayAct }),
      }),
  });

  const validate = definitionValidator(config, brokers);
  const definitions = new Definitions({
    broker: configBroker,
    prefix,
    clientId: `here-bridge-${scopeOf(prefix)}.definitions${cluster === null ? '' : `.${identity.id}`}`,
    validate,
    make: connectionMaker(config, box, brokers),
    listener: cluster?.serveWith({ supervisor, gateway, views, status }) ?? supervisor,
    events,
    mend: (id, record) => {
      publisher.publish(`${prefix}/connections/${id}`, JSON.stringify(record), { retain: true }).catch((error) => {
        logger.warn(
          { connectionId: id, err: error },
          'The definition in force could not be put back on the config topic',
        );
      });
    },
    onStatus: configReach(config, { logger, clock, chance, events }),
  });
  stops.push(() => cluster?.stop());
  // At once, for the same reason. Definitions end first: nothing is applied any more.
  const readers: { stop(): Promise<void> }[] = [];
  stops.push(async () => {
    const ends = [definitions, ...readers].map((reader) => reader.stop());
    await Promise.all([...ends, stopWatch(), supervisor.stop(AbortSignal.timeout(SETTLE_MS))]);
  });
  supervisor.start();
  const defined = startDefinedBrokers({
    ...{ broker: configBroker, publisher, prefix, box, events, logger, clock, chance },
    ...{ brokers, downlinks, supervisor, definitions },
  });
  readers.push(defined);

  const { id, startedAt } = identity;
  const {
    ports: own,
    stop: keepFigures,
    lagOf,
  } = createApiPorts({
    ...{ config, version: versionOf(), prefix, views, definitions, publisher, validate, box, clock, chance, store },
    ...{ feed, gateway, brokers, book: defined.book, downlinks, logger },
    ...{ worker: { worker: id, version: versionOf(), pid: process.pid, startedAt, dataDir } },
  });
  stops.push(keepFigures);
  const { control } = own;
  const { access, audit, cookies, gate, reseal, ...entry } = await startAccess(
    { ...config, dataDir },
    { broker: configBroker, publisher, store, box, clock, events, logger, signal },
  );
  readers.push(entry);
  const metrics = metricsPage(config, { views, gateway, control, lagOf, configBrokerUp: () => publisher.connected });
  const metricsPublic = config.metrics.public;
  const usage = () => gateway.usage();
  const { book } = defined;
  const resealAll = () => Promise.all([reseal(), book.reseal()]).then(() => {});
  const keys = createKeyControl({ ring: box, definitions, others: book, control, reseal: resealAll, audit });
  const numbers = { metrics, metricsPublic, usage };
  const alone = { ...own, access, audit, cookies, keys, debug, ...numbers, ...(demo === undefined ? {} : { demo }) };
  const ports = (await cluster?.start(alone)) ?? alone;
  const backup = createBackup({ dataDir, version: versionOf(), brokers, definitions, ring: box, clock });
  const api = await startApi({ ...config, dataDir }, { ports, backup, gate, clock, logger });
  stops.push(() => api.stop());
  for (const { name, kind, url } of brokers.list()) logger.info({ broker: name, kind, url }, `Broker ${name}: ${url}`);
  logger.info(
    { worker: identity.id, dataDir, http: api.url },
    `The bridge runs; API at ${api.url}, health at ${api.url}/health/ready`,
  );
  const latency = { quantile: (q: number) => views.latency().quantile(q) };
  return { control, health: { url: api.url }, latency, ousted: ousted.promise, stop };
}
