// The metrics page: facts of the worker as Prometheus reads them, gathered when it asks and at no other time.
//
// Labels are bounded: connections (as many as the configuration allows), app IDs, brokers, states, reasons; never a device.
// Counters are set to what the bridge has counted anyway; what may go down (dead letters that are replayed) is a gauge.
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from '@prometheus-io/client';
import type { BridgeFacts, ConnectionFacts, HistogramFacts, MetricsPage } from '../domain/ports/facts.ts';
import { REQUEST_RESULTS } from '../domain/ports/facts.ts';

const PREFIX = 'here_bridge_';
/** The timer that measures the event loop wakes the process so often. */
const EVENT_LOOP_PRECISION_MS = 50;

type Labels = Readonly<Record<string, string>>;
type Put = (labels: Labels, value: number) => void;
type Collect<Facts> = (facts: Facts, put: Put) => void;

/** `facts`: asked once for each page. */
export class Metrics implements MetricsPage {
  readonly #registry = new Registry();
  readonly #facts: () => BridgeFacts;
  /** Of the page under way. */
  #now: BridgeFacts | null = null;

  constructor(facts: () => BridgeFacts) {
    this.#facts = facts;
    collectDefaultMetrics({ register: this.#registry, eventLoopMonitoringPrecision: EVENT_LOOP_PRECISION_MS });
    this.#worker();
    this.#uplinks();
    this.#here();
  }

  async read(): Promise<{ readonly contentType: string; readonly text: string }> {
    this.#now = this.#facts();
    const text = await this.#registry.metrics();
    return { contentType: this.#registry.contentType, text };
  }

  /** Names of all metrics, those of the process with them. */
  names(): readonly string[] {
    return this.#registry.getMetricsAsArray().map(({ name }) => name);
  }

  #worker(): void {
    this.#gauge('info', 'The version and the name of the worker; always 1.', ['version', 'worker'], (facts, put) =>
      put({ version: facts.version, worker: facts.worker }, 1),
    );
    this.#gauge('ready', '1 when the config topic is read.', [], ({ ready }, put) => put({}, ready ? 1 : 0));
    this.#gauge('connections', 'Connections by state.', ['state'], ({ states }, put) => {
      for (const [state, count] of Object.entries(states)) put({ state }, count);
    });
    const leftOut = 'Connections beyond metrics.maxConnections: they have no series of their own.';
    this.#gauge('connections_left_out', leftOut, [], (facts, put) => put({}, facts.connectionsLeftOut));
    const broker = '1 when the broker that carries the config topic is connected.';
    this.#gauge('broker_connected', broker, ['broker', 'kind'], ({ brokers }, put) => {
      for (const { broker: name, kind, connected } of brokers) {
        if (connected !== null) put({ broker: name, kind }, connected ? 1 : 0);
      }
    });
  }

  #uplinks(): void {
    const ledger = (
      put: Put,
      { id, ledger: columns }: ConnectionFacts,
      column: 'received' | 'delivered' | 'pending',
    ) => {
      if (columns !== null) put({ connection: id }, columns[column]);
    };
    const reasons = (
      put: Put,
      { id, ledger: columns }: ConnectionFacts,
      column: 'expired' | 'filtered' | 'skipped' | 'deadLettered',
    ) => {
      for (const [reason, count] of Object.entries(columns?.[column] ?? {}))
        put({ connection: id, reason }, count ?? 0);
    };
    this.#perConnection('counter', 'uplinks_received_total', 'Messages taken from the broker.', [], (facts, put) =>
      ledger(put, facts, 'received'),
    );
    this.#perConnection('counter', 'uplinks_delivered_total', 'Messages that HERE accepted.', [], (facts, put) =>
      ledger(put, facts, 'delivered'),
    );
    this.#perConnection('gauge', 'uplinks_pending', 'Messages without a final word.', [], (facts, put) =>
      ledger(put, facts, 'pending'),
    );
    this.#perConnection('counter', 'uplinks_expired_total', 'Too old, or no room.', ['reason'], (facts, put) =>
      reasons(put, facts, 'expired'),
    );
    this.#perConnection('counter', 'uplinks_filtered_total', 'Left out by a rule.', ['reason'], (facts, put) =>
      reasons(put, facts, 'filtered'),
    );
    this.#perConnection('counter', 'uplinks_skipped_total', 'Without telemetry.', ['reason'], (facts, put) =>
      reasons(put, facts, 'skipped'),
    );
    const dead = 'Refused or unreadable, less those that were replayed.';
    this.#perConnection('gauge', 'uplinks_dead_lettered', dead, ['reason'], (facts, put) =>
      reasons(put, facts, 'deadLettered'),
    );
    const off = 'Messages by which the ledger does not balance, in itself or against the journal; 0 when all is well.';
    this.#perConnection('gauge', 'ledger_imbalance', off, [], ({ id, ledgerOff }, put) => {
      if (ledgerOff !== null) put({ connection: id }, ledgerOff);
    });
    this.#perConnection(
      'gauge',
      'connection_state',
      '1 for the state that it is in.',
      ['state'],
      ({ id, state }, put) => put({ connection: id, state }, 1),
    );
    this.#perConnection('gauge', 'source_up', '1 when its source is subscribed.', ['broker'], ({ id, source }, put) => {
      if (source !== null) put({ connection: id, broker: source.broker }, source.up ? 1 : 0);
    });
    const lag = 'Messages that the broker holds beyond what was taken, where the broker tells (Kafka).';
    this.#perConnection('gauge', 'broker_lag_messages', lag, ['broker'], ({ id, source }, put) => {
      if (source !== null && source.lag !== null) put({ connection: id, broker: source.broker }, source.lag);
    });
    this.#perConnection('gauge', 'alarms_active', 'Low-rate alarms that are raised.', [], ({ id, alarms }, put) =>
      put({ connection: id }, alarms),
    );
    const line = [
      ['oldest_waiting_seconds', 'Age of the oldest uplink whose turn is next.', 'oldestWaitingMs', 1000],
      ['requests_in_flight', 'Requests to HERE under way.', 'requestsInFlight', 1],
      ['journal_bytes', 'Size of the journal on disk.', 'journalBytes', 1],
      ['journal_max_bytes', 'Its budget.', 'journalMaxBytes', 1],
      ['devices_waiting', 'New devices that HERE does not take yet.', 'devicesWaiting', 1],
    ] as const;
    for (const [name, help, field, divisor] of line) {
      this.#perConnection('gauge', name, help, [], ({ id, line: facts }, put) => {
        if (facts !== null) put({ connection: id }, facts[field] / divisor);
      });
    }
    const latency = 'From the message’s arrival at the bridge to HERE’s acceptance; without replays.';
    this.#histogram('delivery_latency_seconds', latency, ['connection'], ({ connections }) =>
      connections.flatMap(({ id, line: facts }) => {
        return facts === null ? [] : [{ labels: { connection: id }, facts: facts.latency }];
      }),
    );
  }

  #here(): void {
    const labels = ['host', 'app_id'];
    const of = ({ host, appId }: { host: string; appId: string }): Labels => ({ host, app_id: appId });
    this.#counter(
      'here_requests_total',
      'Requests on an app ID by how they ended.',
      [...labels, 'result'],
      (facts, put) => {
        for (const usage of facts.usage) {
          for (const result of REQUEST_RESULTS) put({ ...of(usage), result }, usage.results[result]);
        }
      },
    );
    this.#counter('here_records_total', 'Telemetry records that HERE accepted.', labels, (facts, put) => {
      for (const usage of facts.usage) put(of(usage), usage.records);
    });
    const inDoubt =
      'Records of requests that HERE may have acted on though no answer came: they are sent again, perhaps twice there.';
    this.#counter('here_records_in_doubt_total', inDoubt, labels, (facts, put) => {
      for (const usage of facts.usage) put(of(usage), usage.recordsInDoubt);
    });
    this.#gauge('here_permits', 'Permits of an app ID.', [...labels, 'kind'], (facts, put) => {
      for (const usage of facts.usage) {
        for (const [kind, count] of Object.entries(usage.permits)) put({ ...of(usage), kind }, count);
      }
    });
    const rate = 'Requests a second that may start at the moment; absent: no rate is known.';
    this.#gauge('here_requests_per_second_allowed', rate, labels, (facts, put) => {
      for (const usage of facts.usage) if (usage.requestsPerSecond !== null) put(of(usage), usage.requestsPerSecond);
    });
    this.#gauge('here_rate_limit', 'X-RateLimit-Limit, as HERE said last.', labels, (facts, put) => {
      for (const usage of facts.usage) if (usage.limit !== null) put(of(usage), usage.limit.requests);
    });
    this.#gauge('here_rate_limit_remaining', 'X-RateLimit-Remaining, as HERE said last.', labels, (facts, put) => {
      for (const usage of facts.usage) {
        if (usage.limit !== null && usage.limit.remaining !== null) put(of(usage), usage.limit.remaining);
      }
    });
    this.#gauge('here_pause_seconds', 'How long HERE wants nothing more.', labels, (facts, put) => {
      for (const usage of facts.usage) put(of(usage), usage.pausedMs / 1000);
    });
    this.#histogram('here_request_duration_seconds', 'Of answered batches.', labels, ({ usage }) =>
      usage.map((each) => ({ labels: of(each), facts: each.durations })),
    );
    const token = 'How long the token of an account lives; the account is a hash of host, realm and email.';
    this.#gauge('here_token_expires_seconds', token, ['account'], ({ accounts }, put) => {
      for (const { account, tokenExpiresInMs } of accounts) {
        if (tokenExpiresInMs !== null) put({ account }, tokenExpiresInMs / 1000);
      }
    });
    this.#gauge(
      'here_log_in_refused',
      '1 when HERE refused the log-in of an account.',
      ['account'],
      ({ accounts }, put) => {
        for (const { account, refused } of accounts) put({ account }, refused ? 1 : 0);
      },
    );
  }

  #perConnection(
    type: 'counter' | 'gauge',
    name: string,
    help: string,
    labels: readonly string[],
    collect: Collect<ConnectionFacts>,
  ): void {
    const all = ({ connections }: BridgeFacts, put: Put): void => {
      for (const connection of connections) collect(connection, put);
    };
    if (type === 'counter') this.#counter(name, help, ['connection', ...labels], all);
    else this.#gauge(name, help, ['connection', ...labels], all);
  }

  #gauge(name: string, help: string, labels: readonly string[], collect: Collect<BridgeFacts>): void {
    const fill = this.#filler(collect);
    new Gauge({
      ...this.#named(name, help, labels),
      collect() {
        fill(this, (values, value) => this.set({ ...values }, value));
      },
    });
  }

  #counter(name: string, help: string, labels: readonly string[], collect: Collect<BridgeFacts>): void {
    const fill = this.#filler(collect);
    new Counter({
      ...this.#named(name, help, labels),
      collect() {
        fill(this, (values, value) => this.inc({ ...values }, value));
      },
    });
  }

  #named(name: string, help: string, labels: readonly string[]) {
    return { name: PREFIX + name, help, labelNames: [...labels], registers: [this.#registry] };
  }

  /** Puts what is true now in the place of what was. */
  #filler(collect: Collect<BridgeFacts>) {
    return (metric: { reset(): void }, put: Put): void => {
      metric.reset();
      if (this.#now !== null) collect(this.#now, put);
    };
  }

  #histogram(
    name: string,
    help: string,
    labels: readonly string[],
    collect: (facts: BridgeFacts) => readonly { readonly labels: Labels; readonly facts: HistogramFacts }[],
  ): void {
    const read = () => (this.#now === null ? [] : collect(this.#now));
    new CountedHistogram(PREFIX + name, help, labels, this.#registry, read);
  }
}

interface Series {
  readonly labels: Labels;
  readonly facts: HistogramFacts;
}

/** A histogram whose observations were counted elsewhere: the library's own would want each of them. */
class CountedHistogram extends Histogram<string> {
  readonly #read: () => readonly Series[];
  readonly #about: { readonly name: string; readonly help: string };

  constructor(
    name: string,
    help: string,
    labels: readonly string[],
    registry: Registry,
    read: () => readonly Series[],
  ) {
    super({ name, help, labelNames: [...labels], registers: [registry] });
    this.#about = { name, help };
    this.#read = read;
  }

  /** What the registry prints, see its `getMetricsAsString`. */
  async getForPromString(): Promise<unknown> {
    const { name, help } = this.#about;
    const values = this.#read().flatMap(({ labels, facts }) => {
      const bucket = (le: string, value: number) => ({
        metricName: `${name}_bucket`,
        labels: { le, ...labels },
        value,
      });
      const buckets = facts.boundsMs.map((bound, at) => bucket(String(bound / 1000), facts.counts[at] as number));
      return [
        ...buckets,
        bucket('+Inf', facts.count),
        { metricName: `${name}_sum`, labels, value: facts.sumMs / 1000 },
        { metricName: `${name}_count`, labels, value: facts.count },
      ];
    });
    return { name, help, type: 'histogram', values, aggregator: 'sum' };
  }
}
