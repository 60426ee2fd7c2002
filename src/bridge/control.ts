// Answers the API: what the worker knows, and changes that go by way of the config topic.
import { maskSecrets } from '../connections/definition-secrets.ts';
import type { Definitions } from '../connections/definitions.ts';
import { idleStatus } from '../connections/status-of.ts';
import { CONNECTOR_ID, type ConnectionStatus } from '../domain/connection.ts';
import type { Cancel, Clock } from '../domain/ports/clock.ts';
import type { CommandControl } from '../domain/ports/commands.ts';
import type {
  ConnectionActivity,
  ConnectionQuery,
  ConnectionView,
  Control,
  FollowedUplink,
  WorkerView,
} from '../domain/ports/control.ts';
import type { LetterControl } from '../domain/ports/dead-letters.ts';
import type { HereUsage } from '../domain/ports/facts.ts';
import type { Feed } from '../domain/ports/feed.ts';
import type { FiguresControl } from '../domain/ports/figures.ts';
import type { MessageControl } from '../domain/ports/messages.ts';
import type { EventStore } from '../domain/ports/store.ts';
import { earFor } from './arrivals.ts';
import { type DefinitionWriter, revisionOf } from './definition-writer.ts';
import type { Views } from './views.ts';

export interface ControlOptions {
  readonly views: Views;
  readonly definitions: Pick<Definitions, 'record' | 'ids'>;
  readonly writer: DefinitionWriter;
  readonly clock: Clock;
  /** Longer messages are not looked into. */
  readonly maxMessageBytes: number;
  readonly eventStore: EventStore;
  readonly worker: () => WorkerView;
  readonly letters: LetterControl;
  readonly feed: Feed;
  readonly figures: Pick<FiguresControl, 'figures'>;
  readonly messages: MessageControl;
  readonly usageOf: (connectionId: string) => HereUsage | null;
  readonly commands: CommandControl;
}

/** How many connections one listing holds. */
const MAX_LIST = 10_000;
const JUST_DEFINED = 'Its definition was read just now; it starts.';

export function createControl(options: ControlOptions): Control {
  const { views, definitions, writer, clock, usageOf } = options;

  // Final words fall in hundreds at once, and all who follow get the same object: it is written out once.
  let [at, time] = [Number.NaN, ''];
  let told: { readonly trace: object; readonly uplink: FollowedUplink } | null = null;
  function toldOf(trace: Omit<FollowedUplink, 'time'>): FollowedUplink {
    if (told?.trace === trace) return told.uplink;
    const now = clock.now();
    if (now !== at) [at, time] = [now, new Date(now).toISOString()];
    told = { trace, uplink: { time, ...trace } };
    return told.uplink;
  }

  function statusOf(id: string): ConnectionStatus | null {
    const status = views.status(id);
    if (status !== null) return status;
    // Its runtime is about to say something.
    const record = definitions.record(id);
    if (record === null) return null;
    const since = new Date(clock.now()).toISOString();
    return idleStatus(id, record.name, JUST_DEFINED, { worker: options.worker().worker, since });
  }

  function view(id: string): ConnectionView | null {
    const status = statusOf(id);
    if (status === null) return null;
    const record = definitions.record(id);
    const shown = record === null ? null : maskSecrets(record);
    return {
      id,
      connectorId: CONNECTOR_ID,
      name: record?.name ?? status.name,
      active: record?.active ?? record !== null,
      state: status.state,
      reason: status.reason,
      startupTime: status.startupTime,
      revision: record === null ? null : revisionOf(record),
      alarms: shown?.alarms ?? [],
      configuration: shown?.configuration ?? {},
      status,
      // Of this moment, where it runs here: the published one is up to a second old.
      ledger: views.lines.get(id)?.store.ledger() ?? views.ledger(id),
      activity: activity(id),
      figures: options.figures.figures(id),
    };
  }

  /** Ids of what is asked for, in order; looks at names and states alone. */
  function found({ search, states, sort = 'id', descending = false }: ConnectionQuery): string[] {
    const wanted = search?.toLowerCase();
    const ordered = sort === 'name' ? views.idsByName() : views.ids();
    const ids = ordered.filter((id) => {
      const status = views.status(id);
      if (status === null || (states !== undefined && !states.includes(status.state))) return false;
      return wanted === undefined || id.toLowerCase().includes(wanted) || status.name.toLowerCase().includes(wanted);
    });
    if (sort === 'state') ids.sort((a, b) => compare(views.status(a)?.state ?? '', views.status(b)?.state ?? ''));
    return descending ? ids.reverse() : ids;
  }

  function activity(id: string): ConnectionActivity | null {
    const live = views.lines.get(id);
    if (live === undefined) return null;
    const { flow, store } = live;
    return {
      waiting: flow.waiting.count,
      drain: views.forecast(id),
      here: usageOf(id),
      requestsInFlight: flow.requestsInFlight,
      journalBytes: store.bytes,
      journalMaxBytes: store.maxBytes,
      latencyMs: { p50: flow.latency.quantile(0.5), p99: flow.latency.quantile(0.99) },
      devicesWaiting: flow.devicesWaiting,
    };
  }

  return {
    worker: options.worker,
    letters: options.letters,
    feed: options.feed,
    messages: options.messages,
    commands: options.commands,
    connections: () => {
      const ids = views.ids().slice(0, MAX_LIST);
      return ids.map(view).filter((each) => each !== null);
    },
    page: (query) => {
      const ids = found(query);
      const from = (query.page - 1) * query.perPage;
      const connections = ids.slice(from, from + query.perPage).map(view);
      return { connections: connections.filter((each) => each !== null), total: ids.length };
    },
    connection: view,
    apply: (id, record, condition) => writer.apply(id, record, condition),
    amend: (id, change, condition) => writer.amend(id, change, condition),
    remove: (id, condition) => writer.remove(id, condition),
    follow(id, listener): Cancel | null {
      const live = views.lines.get(id);
      if (live === undefined) return null;
      return live.flow.follow((trace) => listener(toldOf(trace)));
    },
    followMessages(id, device, listener): Cancel | null {
      if (!views.lines.has(id)) return null;
      return views.arrivals.listen(id, earFor(device, options, listener));
    },
    events: (query) => options.eventStore.list(query),
  };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
