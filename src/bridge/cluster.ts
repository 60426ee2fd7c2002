// A worker among several, put together: ownership by Kafka, accounts and states that travel, heartbeats with addresses, journals
// that are handed over. A worker alone has none of it.
import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { startInternal } from '../api/internal.ts';
import type { ApiPorts } from '../api/routes.ts';
import { createKafkaClient } from '../brokers/kafka-client.ts';
import { KafkaOwnership } from '../brokers/kafka-ownership.ts';
import type { Config, KafkaBrokerConfig } from '../config/config.ts';
import { groupOf } from '../config/group.ts';
import { ClusterView, type ClusterViewOptions } from '../connections/cluster-view.ts';
import type { DefinitionListener } from '../connections/definitions.ts';
import { HandOver } from '../connections/hand-over.ts';
import type { GroupMembership, WorkerIdentity } from '../connections/heartbeat.ts';
import type { HeartbeatSeal } from '../connections/heartbeat-seal.ts';
import { OwnedConnections } from '../connections/owned-connections.ts';
import { SharedAccounts } from '../connections/shared-accounts.ts';
import { SharedRecords } from '../connections/shared-records.ts';
import type { StatusPublisher } from '../connections/status-publisher.ts';
import type { Supervisor } from '../connections/supervisor.ts';
import { travellingStore } from '../connections/travelling-state.ts';
import { BridgeError } from '../domain/errors.ts';
import type { EventSink } from '../domain/events.ts';
import type { Ledger } from '../domain/ledger.ts';
import { messageHeaders, readHeaders } from '../domain/message-headers.ts';
import { partitionOfAccount } from '../domain/partition.ts';
import type { Broker, Publisher } from '../domain/ports/broker.ts';
import type { Cancel, Chance, Clock } from '../domain/ports/clock.ts';
import type { HandedUplink } from '../domain/ports/cluster.ts';
import type { SecretBox } from '../domain/ports/secrets.ts';
import type { BridgeStore } from '../domain/ports/store.ts';
import type { Gateway } from '../here/gateway.ts';
import type { Logger } from '../ops/logger.ts';
import { Adoption } from './adoption.ts';
import { GroupTopics } from './group-topics.ts';
import { sendLetters, sendUplinks, takeLetters } from './letter-courier.ts';
import { OwnershipNews } from './ownership-news.ts';
import type { Views } from './views.ts';
import { WorkerRequests } from './worker-requests.ts';

export interface ClusterOptions {
  readonly config: Config;
  readonly identity: WorkerIdentity;
  /** Its own, and how another one is opened. */
  readonly directory: string;
  readonly store: BridgeStore;
  readonly open: (directory: string) => Promise<BridgeStore>;
  readonly box: SecretBox;
  readonly seal: HeartbeatSeal;
  readonly broker: Broker;
  readonly publisher: Publisher;
  readonly events: EventSink;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly chance: Chance;
}

/** What serves connections, once it is there. */
export interface ServingParts {
  readonly supervisor: Supervisor;
  readonly gateway: Gateway;
  readonly views: Views;
  readonly status: StatusPublisher;
}

const LOOK_MS = 2_000;

export class ClusterParts {
  readonly vault: SharedAccounts;
  /** Of the connections: some of their states travel. */
  readonly store: BridgeStore;
  readonly #o: ClusterOptions;
  readonly #group: string;
  readonly #ownership: KafkaOwnership;
  readonly #topics: GroupTopics;
  readonly #records: SharedRecords;
  readonly #adoption: Adoption;
  readonly #view: ClusterView;
  readonly #requests: WorkerRequests;
  readonly #stopping = new AbortController();
  #owned: OwnedConnections | null = null;
  #handOver: HandOver | null = null;
  #serving: ServingParts | null = null;
  #internal: { stop(): Promise<void> } | null = null;
  #address: string | null = null;
  #timer: Cancel = () => {};

  /** null: this worker is alone. */
  static for(options: ClusterOptions): ClusterParts | null {
    const group = groupOf(options.config);
    return group === null ? null : new ClusterParts(options, group);
  }

  private constructor(options: ClusterOptions, group: string) {
    const { config, identity, store, box, seal, broker, publisher, events, clock, chance, logger } = options;
    const { prefix } = config.topics;
    this.#o = options;
    this.#group = group;
    this.#requests = new WorkerRequests({ box, group, workerId: identity.id, clock });
    const kafka = config.brokers[config.ownership.broker as string] as KafkaBrokerConfig;
    this.#ownership = new KafkaOwnership({
      kafka: createKafkaClient({ ...kafka, clock, requestTimeoutMs: 5_000 }),
      topic: group,
      partitionsWhenMade: config.ownership.partitions,
      createTopics: kafka.createTopics,
      replicationFactor: kafka.replicationFactor,
      bootstrap: kafka.bootstrap,
      sessionTimeoutMs: config.ownership.sessionTimeoutMs,
      heartbeatMs: config.ownership.heartbeatMs,
      clock,
      chance,
    });
    this.#topics = new GroupTopics({ events, clock });
    const onReach = this.#topics.heard.bind(this.#topics);
    this.#records = new SharedRecords({
      broker,
      prefix: `${prefix}/accounts`,
      publisher,
      workerId: identity.id,
      clock,
      onProblem: (message) => logger.warn(message),
      onReach,
      onWriteRefused: (key, reason) => this.#topics.writeRefused(key, reason),
    });
    this.vault = new SharedAccounts(store.accounts, this.#records, box);
    this.store = travellingStore(store, this.#records, identity.id);
    const own = { id: identity.id, store, isOwn: true, directory: options.directory };
    this.#adoption = new Adoption({ dataDir: config.dataDir, own, open: options.open, events });
    const onStatus: ClusterViewOptions['onStatus'] = (id, status) => {
      this.#serving?.views.heard(id, status);
      if (status === null) this.#owned?.onCleared(id);
    };
    const onOverwritten = (id: string): void => {
      if (this.mayAct()) this.#serving?.status.sayAgain(id);
    };
    const of = { workerId: identity.id, prefix, group };
    this.#view = new ClusterView({ ...of, broker, clock, seal, onReach, onStatus, onOverwritten });
  }

  readonly mayAct = (): boolean => this.#ownership.confirmed;

  /** What the status publisher of a worker among several says besides, and where. */
  get publishing() {
    const { membership, ledgerKey, otherLedgerKeys } = this;
    return { membership, ledgerKey, otherLedgerKeys };
  }

  /** For the heartbeat. */
  readonly membership = (): GroupMembership => ({
    group: this.#group,
    address: this.#address,
    partitions: this.#ownership.owned,
    confirmed: this.#ownership.confirmed,
    serves: this.#o.config.roles.includes('worker'),
    keyId: this.#o.seal.keyId,
  });

  /** Each directory has a record of its own; their sum is the connection's ledger. */
  readonly ledgerKey = (connectionId: string): string => `${connectionId}@${this.#o.identity.id}`;

  /** Those of all other directories. */
  readonly otherLedgerKeys = (connectionId: string): readonly string[] =>
    this.#view
      .directoriesOf(connectionId)
      .filter((directory) => directory !== this.#o.identity.id)
      .map((directory) => `${connectionId}@${directory}`);

  /** What the definitions are told to. */
  serveWith(parts: ServingParts): DefinitionListener {
    const { config, events, clock } = this.#o;
    const { supervisor, views } = parts;
    this.#serving = parts;
    const owned = new OwnedConnections({
      ownership: this.#ownership,
      partitionOf: ({ account }) => {
        const { url } = config.here.services[account.service] as { url: string };
        return partitionOfAccount(new URL(url).host, account, this.#ownership.partitions);
      },
      supervisor,
      prepare: () => this.#records.caughtUp(this.#stopping.signal),
      onServing: (ids) => this.#handOver?.letGo(ids) ?? Promise.resolve(),
      onDeleted: (id) => this.#handOver?.forget(id) ?? Promise.resolve(),
      onForgotten: (id) => {
        views.release(id);
        parts.status.removeLedger(id);
      },
      onReleased: (id) => {
        views.release(id);
        parts.status.release(id);
      },
    });
    this.#owned = owned;
    this.#view.follow(owned);
    this.#handOver = new HandOver({
      directories: () => this.#adoption.held(),
      whereIs: (id) => (owned.partitionOf(id) === null ? null : this.#view.whereIs(id)),
      takeHere: (id, uplinks) => this.#take(id, uplinks),
      sendTo: (...parts) => sendUplinks(this.#requests.ask, ...parts),
      takeLettersHere: (id, letters) => takeLetters(this.#serving?.views, id, letters),
      sendLettersTo: (...parts) => sendLetters(this.#requests.ask, ...parts),
      onLedger: (...ledger) => this.#sayLedger(...ledger),
      journalMaxBytes: config.budgets.journalMaxBytes,
      events,
      clock,
    });
    return owned;
  }

  /** Begins to take part; progress is told by events. */
  async start(ports: ApiPorts): Promise<ApiPorts> {
    const { config, clock, directory } = this.#o;
    const { host, port, address } = config.internal;
    const whole = {
      ...ports,
      cluster: this.#view.port({ ask: this.#requests.ask, take: (id, uplinks) => this.#take(id, uplinks) }),
    };
    const internal = await startInternal({ ports: whole, judge: this.#requests.judge, host, port });
    this.#internal = internal;
    const reached = host === '0.0.0.0' || host === '::' ? os.hostname() : host;
    this.#address = address ?? `http://${reached.includes(':') ? `[${reached}]` : reached}:${internal.port}`;
    writeFileSync(path.join(directory, 'used-by.json'), JSON.stringify({ start: randomUUID() }), { mode: 0o600 });
    this.#records.start();
    this.#view.start();
    this.#handOver?.start();
    this.#look(clock);
    void this.#takePart();
    return whole;
  }

  /** Leaves the group, so that others take over at once: only after the supervisor has stopped. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#timer();
    this.#topics.stop();
    await this.#handOver?.stop();
    await Promise.all([this.#ownership.stop(), this.#internal?.stop()]);
    await Promise.all([this.#records.stop(), this.#view.stop(), this.#adoption.stop()]);
  }

  async #takePart(): Promise<void> {
    const { config, events, logger } = this.#o;
    const owned = this.#owned as OwnedConnections;
    const serving = this.#serving as ServingParts;
    const news = new OwnershipNews({
      owned,
      events,
      onChange: () => serving.status.beatNow(),
      onConfirmed: () => serving.gateway.actAgain(),
    });
    const { signal } = this.#stopping;
    // Without the role it answers and hands over, and serves nothing.
    const isWorker = config.roles.includes('worker');
    const taking = isWorker ? this.#ownership.start(news, signal) : this.#ownership.learn(news, signal);
    await taking.catch((error) => {
      if (!signal.aborted) logger.error({ err: error }, 'The group of workers cannot be taken part in');
    });
  }

  #look(clock: Clock): void {
    this.#timer = clock.after(LOOK_MS, () => {
      const { logger } = this.#o;
      const looked = this.#adoption.look(this.#handOver as HandOver);
      looked
        .catch((error) => logger.warn({ err: error }, 'Journals of other workers could not be looked through'))
        .finally(() => {
          if (!this.#stopping.signal.aborted) this.#look(clock);
        });
    });
  }

  /** Of what was handed over: a ledger of a directory. Rejects where it is not on its topic then. */
  async #sayLedger(directory: string, id: string, ledger: Ledger | null): Promise<void> {
    const { config, identity, publisher } = this.#o;
    const status = (this.#serving as ServingParts).status;
    // Whoever says our own must know the latest: it is said again when Kafka has been away.
    if (directory === identity.id) return ledger === null ? status.removeLedger(id) : status.setLedger(id, ledger);
    if (!publisher.connected) throw new BridgeError('publisherDown', 'Kafka does not answer');
    const record = ledger === null ? '' : JSON.stringify({ id, worker: directory, ...ledger });
    await publisher.publish(`${config.topics.prefix}/ledger/${id}@${directory}`, record, { retain: true });
  }

  /** Into the journal of a connection that runs here. */
  async #take(id: string, uplinks: readonly HandedUplink[]): Promise<void> {
    const live = this.#serving?.views.lines.get(id);
    if (live === undefined || live.flow.stopped || this.#owned?.isServed(id) !== true) {
      throw new Error(`connection ${id} does not run on ${this.#o.identity.id}`);
    }
    await new Promise<void>((resolve, reject) => {
      const messages = uplinks.map(({ headers: text, ...each }) => {
        const headers = text === undefined ? null : readHeaders(text);
        const message = { ...each, qos: 1 as const, dup: true };
        return headers === null ? message : { ...message, headers: messageHeaders(headers) };
      });
      live.flow.onMessages(messages, (error) => (error === null ? resolve() : reject(error)));
    });
  }
}
