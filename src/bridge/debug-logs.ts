// The detailed log of single connections: each uplink as it came and as it is mapped, its final word with HERE's answer, states and
// events. It goes to the worker's log whatever its level is, and its latest lines are kept for the API. The time of its end is in
// the connection's store, so that it goes on after a restart and ends all the same.
import type { Connection, ConnectionStatus } from '../domain/connection.ts';
import { describeError } from '../domain/errors.ts';
import type { BrokerMessage } from '../domain/ports/broker.ts';
import type { Cancel, Clock } from '../domain/ports/clock.ts';
import type { DebugControl, DebugLine, DebugView } from '../domain/ports/debug.ts';
import type { TriedUplink } from '../domain/ports/desk.ts';
import type { ConnectionStore } from '../domain/ports/store.ts';
import type { Logger } from '../ops/logger.ts';
import { redact, redactText } from '../ops/redact.ts';
import type { Arrivals } from './arrivals.ts';
import type { LiveFeed } from './live-feed.ts';
import type { LiveLine } from './views.ts';

export interface DebugLogsOptions {
  readonly logger: Logger;
  readonly clock: Clock;
  readonly feed: LiveFeed;
  readonly arrivals: Pick<Arrivals, 'listen'>;
  /** Those that run here. */
  readonly lines: ReadonlyMap<string, LiveLine>;
  /** Also of a connection that does not run. */
  readonly setState: (connectionId: string, name: string, value: string | null) => void;
  readonly explain: (connection: Connection, message: BrokerMessage) => TriedUplink;
  /** The status is to be told anew. */
  readonly onChange: (connectionId: string) => void;
}

interface Active {
  readonly until: number;
  readonly lines: DebugLine[];
  readonly ends: Cancel[];
  unfollow: Cancel;
  /** Of the present second. */
  second: number;
  logged: number;
  leftOut: number;
}

const STATE = 'debugUntil';
const HOUR_MS = 3_600_000;
const MAX_LINES = 1_000;
/** Uplinks and outcomes of one second; what is beyond is counted. */
const PER_SECOND = 200;
const MAX_TEXT = 2_000;

export class DebugLogs implements DebugControl {
  readonly #o: DebugLogsOptions;
  readonly #active = new Map<string, Active>();

  constructor(options: DebugLogsOptions) {
    this.#o = options;
  }

  /** ISO 8601; absent: it is off. For the status. */
  until(id: string): string | undefined {
    const active = this.#active.get(id);
    return active === undefined ? undefined : new Date(active.until).toISOString();
  }

  set(id: string, hours: number): DebugView {
    const until = this.#o.clock.now() + hours * HOUR_MS;
    const state = hours === 0 ? null : String(Math.round(until));
    const store = this.#o.lines.get(id)?.store;
    // The store of a line takes it along to another worker.
    if (store === undefined) this.#o.setState(id, STATE, state);
    else store.setState(STATE, state);
    const lines = this.#active.get(id)?.lines;
    this.#end(id);
    if (hours > 0) this.#begin(id, until, lines ?? []);
    this.#o.onChange(id);
    return this.view(id);
  }

  view(id: string): DebugView {
    return { until: this.until(id) ?? null, lines: [...(this.#active.get(id)?.lines ?? [])] };
  }

  /** A line was made, perhaps after a restart. */
  lineMade(id: string, line: LiveLine): void {
    const active = this.#active.get(id);
    if (active !== undefined) {
      this.#follow(id, active);
      return;
    }
    const until = readUntil(line.store);
    if (until === null) return;
    if (until > this.#o.clock.now()) this.#begin(id, until, []);
    else line.store.setState(STATE, null);
  }

  /** Deleted, or another worker's now, which goes on with it. */
  lineGone(id: string): void {
    this.#end(id);
  }

  /** What was asked for goes on at the next start. */
  stop(): void {
    for (const id of this.#active.keys()) this.#end(id);
  }

  #begin(id: string, until: number, lines: DebugLine[]): void {
    const { arrivals, clock, feed, logger } = this.#o;
    const ends = [
      // Two days fit a timer.
      clock.after(Math.max(0, until - clock.now()), () => this.#over(id)),
      feed.subscribe((item) => {
        if (item.connectionId !== id || active === null) return;
        if (item.kind === 'status') this.#log(id, active, 'status', shortStatus(item.status));
        else if (item.kind === 'event') this.#log(id, active, 'event', item.event);
        else if (item.kind === 'removed') this.#end(id);
      }),
      arrivals.listen(id, (connection, messages) => {
        for (const message of messages)
          if (this.#mayLog(id, active)) this.#log(id, active, 'uplink', this.#describe(connection, message));
      }),
    ];
    const active: Active = { until, lines, ends, unfollow: () => {}, second: 0, logged: 0, leftOut: 0 };
    this.#active.set(id, active);
    logger.info({ connectionId: id }, `Detailed log of ${id} until ${new Date(until).toISOString()}`);
    this.#follow(id, active);
  }

  #follow(id: string, active: Active): void {
    active.unfollow();
    active.unfollow =
      this.#o.lines.get(id)?.flow.follow((trace) => {
        if (this.#mayLog(id, active)) this.#log(id, active, 'outcome', trace);
      }) ?? (() => {});
  }

  /** Its time is over. */
  #over(id: string): void {
    this.#o.logger.info({ connectionId: id }, `The detailed log of ${id} is over`);
    this.#end(id);
    try {
      this.#o.lines.get(id)?.store.setState(STATE, null);
    } catch (error) {
      // What is left there lies in the past.
      this.#o.logger.debug({ connectionId: id }, describeError(error));
    }
    this.#o.onChange(id);
  }

  #end(id: string): void {
    const active = this.#active.get(id);
    if (active === undefined) return;
    this.#active.delete(id);
    active.unfollow();
    for (const end of active.ends) end();
  }

  #mayLog(id: string, active: Active): boolean {
    const second = Math.floor(this.#o.clock.monotonic() / 1000);
    if (second !== active.second) {
      const { leftOut } = active;
      Object.assign(active, { second, logged: 0, leftOut: 0 });
      if (leftOut > 0)
        this.#log(id, active, 'leftOut', { count: leftOut, why: `more than ${PER_SECOND} lines a second` });
    }
    active.logged += 1;
    if (active.logged <= PER_SECOND) return true;
    active.leftOut += 1;
    return false;
  }

  #describe(connection: Connection, message: BrokerMessage): object {
    const { topic, payload, qos, retain, dup } = message;
    const { device, outcome, records, fields, notes } = this.#o.explain(connection, message);
    const rules = fields.map(({ field, rule }) => `${field}: ${rule ?? '-'}`);
    return { topic, qos, retain, dup, device, message: readable(payload), outcome, records, rules, notes };
  }

  #log(id: string, active: Active, what: DebugLine['what'], details: unknown): void {
    const safe = redact(details);
    active.lines.push({ time: new Date(this.#o.clock.now()).toISOString(), what, details: safe });
    if (active.lines.length > MAX_LINES) active.lines.splice(0, active.lines.length - MAX_LINES);
    this.#o.logger.info({ connectionId: id, debug: what, details: safe }, `${id} ${what}`);
  }
}

function readUntil(store: Pick<ConnectionStore, 'getState'>): number | null {
  const until = Number(store.getState(STATE) ?? Number.NaN);
  return Number.isFinite(until) ? until : null;
}

/** As JSON, so that names tell what is secret; else the beginning of the text. */
function readable(payload: Buffer): unknown {
  if (payload.length > 64 * 1024) return `(${payload.length} bytes)`;
  const text = payload.toString('utf8');
  try {
    return JSON.parse(text);
  } catch {
    return redactText(text.slice(0, MAX_TEXT));
  }
}

function shortStatus({ state, reason, source, appId }: ConnectionStatus): object {
  return { state, reason, source, appId };
}
