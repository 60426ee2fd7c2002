// What is wrong with the topics by which workers know of each other (heartbeats, ledgers, states, accounts), told as events: what
// was heard last would else be shown for ever as what is.
import type { EventKind, EventSink } from '../domain/events.ts';
import type { TableStatus } from '../domain/ports/broker.ts';
import type { Cancel, Clock } from '../domain/ports/clock.ts';

export interface GroupTopicsOptions {
  readonly events: EventSink;
  readonly clock: Clock;
}

interface Read {
  /** Null: it is read. */
  reason: string | null;
  /** Monotonic ms at which it ceased to be. */
  since: number;
  /** The key of the event that says so; null: none does. */
  told: string | null;
}

/** What passes by itself, as a broker that starts again, is no news before. */
const LASTING_MS = 30_000;
const MENDED = 'It is tried again every one to two minutes; mend the cause.';
const AGAIN = 'It is tried again by itself.';

export class GroupTopics {
  readonly #options: GroupTopicsOptions;
  readonly #topics = new Map<string, Read>();
  #timer: Cancel | null = null;

  constructor(options: GroupTopicsOptions) {
    this.#options = options;
  }

  stop(): void {
    this.#timer?.();
    this.#timer = null;
  }

  /** What a topic's reader says. `fatal` is told at once, anything else when it lasts. */
  heard(topic: string, { up, reason = 'no answer', fatal = false }: TableStatus): void {
    const known = this.#topics.get(topic) ?? { reason: null, since: 0, told: null };
    this.#topics.set(topic, known);
    if (up) {
      known.reason = null;
      this.#back(known);
      return;
    }
    if (known.reason === null) known.since = this.#options.clock.monotonic();
    const isNews = fatal && known.reason !== reason;
    known.reason = reason;
    if (isNews) this.#away([[topic, known]], MENDED);
    else if (known.told === null) this.#timer ??= this.#options.clock.after(LASTING_MS, () => this.#look());
  }

  /** A record that travels with a connection or an account was refused for what it is. */
  writeRefused(key: string, reason: string): void {
    const message = `What the next worker must know was refused: ${reason}. Until the cause is mended it has what was written before, or cannot begin.`;
    this.#tell('groupUnreachable', `write ${key}`, message);
  }

  #look(): void {
    this.#timer = null;
    const now = this.#options.clock.monotonic();
    const untold = [...this.#topics].filter(([, { reason, told }]) => reason !== null && told === null);
    const lasting = untold.filter(([, { since }]) => now - since >= LASTING_MS);
    // All of them: their broker is away, which is one piece of news.
    if (lasting.length === this.#topics.size) this.#away(lasting, AGAIN);
    else for (const each of lasting) this.#away([each], AGAIN);
    if (lasting.length === untold.length) return;
    const first = Math.min(...untold.filter((each) => !lasting.includes(each)).map(([, { since }]) => since));
    this.#timer = this.#options.clock.after(first + LASTING_MS - now, () => this.#look());
  }

  #away(topics: readonly (readonly [string, Read])[], then: string): void {
    const key = topics.map(([topic]) => topic).join(', ');
    for (const [, topic] of topics) topic.told = key;
    const message = `What other workers say on ${key} cannot be read: ${topics[0]?.[1].reason}. What is shown of them is of before. ${then}`;
    this.#tell('groupUnreachable', key, message);
  }

  #back(topic: Read): void {
    const { told } = topic;
    topic.told = null;
    // Of several that were told together the last one says so.
    if (told === null || [...this.#topics.values()].some((other) => other.told === told)) return;
    this.#tell('groupBack', told, `What other workers say on ${told} is read again.`);
  }

  #tell(kind: EventKind, key: string, message: string): void {
    const severity = kind === 'groupBack' ? 'info' : 'error';
    this.#options.events.emit({ kind, severity, connectionId: null, key, message });
  }
}
