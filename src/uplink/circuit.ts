// The circuit of one (host, appId): when requests of several lines on it fail and none is accepted, the lines wait together, and
// one of them at a time tries one small request. Else each of a thousand connections would find out alone.
//
// Failures of one line alone open nothing: HERE may fail at the records of one connection, whose own pace holds it back. A 429
// opens nothing either: HERE works, and the gate makes all lines wait.
import type { Cancel, Chance, Clock } from '../domain/ports/clock.ts';
import type { RequestGate, RequestOutcome } from '../domain/ports/here.ts';
import { Pace, type PaceOptions } from './pace.ts';

export type Failure = RequestOutcome & { readonly kind: 'retry' };

/** A line that has something to send. */
export interface WaitingLine {
  /** It may send: HERE works again, or it is this line's turn to try (`holds`), until it leaves or asks again. */
  onTurn(): void;
  /** Another line has tried in vain. */
  onFailing(outcome: Failure): void;
}

export class Circuit {
  readonly #clock: Clock;
  readonly #pace: Pace;
  /** In the order in which they asked. */
  readonly #waiting = new Set<WaitingLine>();
  #holder: WaitingLine | null = null;
  /** The first that failed since a request was accepted. */
  #failed: WaitingLine | null = null;
  #open = false;
  #cancelTimer: Cancel | null = null;

  constructor(clock: Clock, pace: Pace) {
    this.#clock = clock;
    this.#pace = pace;
  }

  get isOpen(): boolean {
    return this.#open;
  }

  /** It is this line's turn to try one small request. */
  holds(line: WaitingLine): boolean {
    return this.#holder === line;
  }

  /** True: it may send now. False: `onTurn` will tell. */
  ask(line: WaitingLine): boolean {
    if (!this.#open || this.#holder === line) return true;
    if (this.#holder === null && this.#waiting.size === 0 && this.#pace.waitMs === 0) {
      this.#holder = line;
      return true;
    }
    this.#waiting.add(line);
    this.#next();
    return false;
  }

  /** It has had its turn, or has nothing to send any more. */
  leave(line: WaitingLine): void {
    this.#waiting.delete(line);
    if (this.#failed === line) this.#failed = null;
    if (this.#holder !== line) return;
    this.#holder = null;
    this.#next();
  }

  /** `startedAt`: monotonic ms at which the request began. */
  failed(line: WaitingLine, startedAt: number, outcome: Failure): void {
    this.#pace.failed(startedAt, outcome.afterMs);
    this.#failed ??= line;
    if (this.#failed !== line) this.#open = true;
    // One that hears of it may close, and leave.
    if (this.#open) for (const line of [...this.#waiting]) if (this.#waiting.has(line)) line.onFailing(outcome);
  }

  succeeded(): void {
    this.#failed = null;
    this.#pace.succeeded();
    if (!this.#open) return;
    this.#open = false;
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    this.#holder = null;
    const lines = [...this.#waiting];
    this.#waiting.clear();
    for (const line of lines) line.onTurn();
  }

  /** The longest-waiting line tries as soon as the pace allows. */
  #next(): void {
    if (!this.#open || this.#holder !== null || this.#waiting.size === 0 || this.#cancelTimer !== null) return;
    // Never at once: whoever leaves or asks is in the midst of its own work.
    this.#cancelTimer = this.#clock.after(this.#pace.waitMs, () => {
      this.#cancelTimer = null;
      if (!this.#open || this.#holder !== null) return;
      const [line] = this.#waiting;
      if (line === undefined) return;
      if (this.#pace.waitMs > 0) return this.#next();
      this.#waiting.delete(line);
      this.#holder = line;
      line.onTurn();
    });
  }
}

/** One circuit for all lines that share a gate. */
export class Circuits {
  readonly #clock: Clock;
  readonly #chance: Chance;
  readonly #retry: PaceOptions;
  readonly #of = new WeakMap<RequestGate, Circuit>();

  constructor(clock: Clock, chance: Chance, retry: PaceOptions) {
    this.#clock = clock;
    this.#chance = chance;
    this.#retry = retry;
  }

  of(gate: RequestGate): Circuit {
    let circuit = this.#of.get(gate);
    if (circuit === undefined) {
      circuit = new Circuit(this.#clock, this.newPace());
      this.#of.set(gate, circuit);
    }
    return circuit;
  }

  /** The back-off of one line, which is a circuit's too. */
  newPace(): Pace {
    return new Pace(this.#clock, this.#chance, this.#retry);
  }
}
