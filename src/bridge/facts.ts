// The facts of a worker, put together from its parts: what the metrics page (`ops/metrics.ts`) shows.
import type { Config } from '../config/config.ts';
import type { Control } from '../domain/ports/control.ts';
import type { BridgeFacts, ConnectionFacts, MetricsPage } from '../domain/ports/facts.ts';
import type { Gateway } from '../here/gateway.ts';
import { Metrics } from '../ops/metrics.ts';
import type { Views } from './views.ts';

const LATENCY_BOUNDS_MS = [50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 300_000, 3_600_000];

export interface MetricsOptions {
  readonly views: Views;
  readonly gateway: Gateway;
  readonly control: Pick<Control, 'worker'>;
  readonly configBrokerUp: () => boolean;
  readonly lagOf: (connectionId: string) => number | null;
}

export function metricsPage(config: Pick<Config, 'metrics' | 'topics'>, options: MetricsOptions): MetricsPage {
  return new Metrics(() => bridgeFacts(config, options));
}

function bridgeFacts(
  { metrics, topics }: Pick<Config, 'metrics' | 'topics'>,
  { views, gateway, control, configBrokerUp, lagOf }: MetricsOptions,
): BridgeFacts {
  const { worker: name, version, ready, brokers } = control.worker();
  const ids = views.ids();
  const states: Partial<Record<ConnectionFacts['state'], number>> = {};
  for (const id of ids) {
    const state = views.status(id)?.state ?? 'CLOSED';
    states[state] = (states[state] ?? 0) + 1;
  }
  const shown = ids.slice(0, metrics.maxConnections);
  return {
    worker: name,
    version,
    ready,
    brokers: brokers.map(({ name: broker, kind }) => {
      return { broker, kind, connected: broker === topics.broker ? configBrokerUp() : null };
    }),
    connections: shown.map((id) => connectionFacts(views, id, lagOf(id))),
    connectionsLeftOut: ids.length - shown.length,
    states,
    usage: gateway.usage(),
    accounts: gateway.accountFacts(),
  };
}

function connectionFacts(views: Views, id: string, lag: number | null): ConnectionFacts {
  const status = views.status(id);
  const live = views.lines.get(id);
  const source = status?.source ?? null;
  return {
    id,
    state: status?.state ?? 'CLOSED',
    ledger: live?.store.ledger() ?? views.ledger(id),
    ledgerOff: views.ledgerOff(id),
    line:
      live === undefined
        ? null
        : {
            oldestWaitingMs: live.flow.waiting.oldestMs,
            requestsInFlight: live.flow.requestsInFlight,
            journalBytes: live.store.bytes,
            journalMaxBytes: live.store.maxBytes,
            devicesWaiting: live.flow.devicesWaiting.count,
            latency: live.flow.latency.cumulative(LATENCY_BOUNDS_MS),
          },
    source: source === null ? null : { broker: source.broker, up: source.up, lag },
    alarms: status?.activeAlarms?.length ?? 0,
  };
}
