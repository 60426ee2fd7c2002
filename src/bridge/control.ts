// Answers the admin interface: what the worker knows, and changes that go by way of the config topic.
import { encryptSecrets, maskSecrets, mergeMasked } from '../connections/definition-secrets.ts';
import type { Definitions } from '../connections/definitions.ts';
import type { DefinitionValidator } from '../connections/validate-definition.ts';
import { CONNECTOR_ID, type DefinitionRecord } from '../domain/connection.ts';
import { describeError } from '../domain/errors.ts';
import type { Publisher } from '../domain/ports/broker.ts';
import type { Cancel, Clock } from '../domain/ports/clock.ts';
import type {
  ApplyOutcome,
  ConnectionActivity,
  ConnectionView,
  Control,
  FollowedUplink,
  WorkerView,
} from '../domain/ports/control.ts';
import type { LetterControl } from '../domain/ports/dead-letters.ts';
import type { SecretBox } from '../domain/ports/secrets.ts';
import type { EventStore } from '../domain/ports/store.ts';
import type { Views } from './views.ts';

export interface ControlOptions {
  readonly views: Views;
  readonly definitions: Definitions;
  readonly publisher: Publisher;
  readonly prefix: string;
  readonly validate: DefinitionValidator;
  readonly box: SecretBox;
  readonly clock: Clock;
  readonly eventStore: EventStore;
  readonly stored: () => readonly string[];
  readonly worker: () => WorkerView;
  readonly letters: LetterControl;
}

/** How long a writer waits to read its own record back. */
const READ_BACK_MS = 10_000;
/** How many connections one listing holds. */
const MAX_LIST = 10_000;

export function createControl(options: ControlOptions): Control {
  const { views, definitions, publisher, prefix, validate, box, clock } = options;

  function view(id: string): ConnectionView | null {
    const status = views.status(id);
    if (status === null) return null;
    const record = definitions.record(id);
    const shown = record === null ? null : maskSecrets(record);
    return {
      id,
      connectorId: CONNECTOR_ID,
      name: status.name,
      active: record?.active ?? record !== null,
      state: status.state,
      reason: status.reason,
      startupTime: status.startupTime,
      alarms: shown?.alarms ?? [],
      configuration: shown?.configuration ?? {},
      status,
      // Of this moment, where it runs here: the published one is up to a second old.
      ledger: views.lines.get(id)?.store.ledger() ?? views.ledger(id),
      activity: activity(id),
    };
  }

  function activity(id: string): ConnectionActivity | null {
    const live = views.lines.get(id);
    if (live === undefined) return null;
    const { flow, store } = live;
    return {
      waiting: flow.waiting.count,
      requestsInFlight: flow.requestsInFlight,
      journalBytes: store.bytes,
      journalMaxBytes: store.maxBytes,
      latencyMs: { p50: flow.latency.quantile(0.5), p99: flow.latency.quantile(0.99) },
      devicesWaiting: flow.devicesWaiting,
    };
  }

  /** Publishes to the config topic and waits until the reader of definitions has heard it. */
  async function write(
    id: string,
    payload: string,
  ): Promise<{ kind: 'ok' } | { kind: 'unavailable'; message: string }> {
    if (!definitions.up) return { kind: 'unavailable', message: 'The config topic cannot be reached; try again later' };
    const heard = Promise.withResolvers<boolean>();
    const forget = definitions.onceHeard(id, () => heard.resolve(true));
    const cancel = clock.after(READ_BACK_MS, () => heard.resolve(false));
    try {
      await publisher.publish(`${prefix}/connections/${id}`, payload, { retain: true });
      if (await heard.promise) return { kind: 'ok' };
      return { kind: 'unavailable', message: 'The change was published but not read back; look at the connection' };
    } catch (error) {
      return { kind: 'unavailable', message: `The config topic did not take it: ${describeError(error)}` };
    } finally {
      forget();
      cancel();
    }
  }

  async function apply(id: string, record: unknown): Promise<ApplyOutcome> {
    const before = definitions.record(id);
    const merged = isRecord(record) ? mergeMasked(before, record) : record;
    const validated = validate(id, merged);
    if (!validated.ok) return { kind: 'invalid', errors: validated.errors };
    const written = await write(id, JSON.stringify(encryptSecrets(id, validated.record, box)));
    return written.kind === 'ok' ? { kind: 'ok', created: before === null } : written;
  }

  return {
    worker: options.worker,
    letters: options.letters,
    connections: () => {
      const ids = views.ids().slice(0, MAX_LIST);
      return ids.map(view).filter((each) => each !== null);
    },
    connection: view,
    apply,
    async amend(id, change) {
      const record = definitions.record(id);
      return record === null ? { kind: 'notFound' } : apply(id, { ...record, ...change });
    },
    async remove(id) {
      const isKnown = definitions.ids().includes(id) || views.status(id) !== null || options.stored().includes(id);
      if (!isKnown) return { kind: 'notFound' };
      const written = await write(id, '');
      return written.kind === 'ok' ? { kind: 'ok', created: false } : written;
    },
    follow(id, listener): Cancel | null {
      const live = views.lines.get(id);
      if (live === undefined) return null;
      return live.flow.follow((trace) => {
        const uplink: FollowedUplink = { time: new Date(clock.now()).toISOString(), ...trace };
        listener(uplink);
      });
    },
    events: (query) => options.eventStore.list(query),
  };
}

/** Enough of one that its secrets can be merged; the validator judges the rest. */
function isRecord(value: unknown): value is DefinitionRecord {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const { configuration } = value as { configuration?: unknown };
  return typeof configuration === 'object' && configuration !== null && !Array.isArray(configuration);
}
