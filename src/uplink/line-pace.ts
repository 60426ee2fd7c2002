// When one line's next request may go: by its own back-off, and by the circuit that it shares with the other lines of its project.
import type { RequestGate } from '../domain/ports/here.ts';
import type { LineObserver } from '../domain/ports/line.ts';
import type { Circuit, Circuits, Failure, WaitingLine } from './circuit.ts';
import type { Pace } from './pace.ts';

export class LinePace {
  readonly #circuits: Circuits;
  readonly #pace: Pace;
  readonly #line: WaitingLine;
  #circuit: Circuit | null = null;
  #used = false;
  /** The last failure says nothing of the project: only this line waits for it. */
  #isOwn = false;

  /** `onTurn`: a request may go now. `onFailing` is told, too, when this line waits and another of its project has tried in vain. */
  constructor(circuits: Circuits, observer: Pick<LineObserver, 'onFailing'>, onTurn: () => void) {
    this.#circuits = circuits;
    this.#pace = circuits.newPace();
    this.#line = {
      onTurn: () => {
        this.#used = false;
        onTurn();
        // Its uplinks may be gone meanwhile: the next line tries.
        if (!this.#used) this.#circuit?.leave(this.#line);
      },
      onFailing: (outcome) => {
        this.#pace.waited();
        observer.onFailing(outcome, this.#pace.failingMs);
      },
    };
  }

  /** The line opens on a project: what it knew of another one does not count. */
  enter(gate: RequestGate): void {
    this.leave();
    this.#circuit = this.#circuits.of(gate);
    this.#pace.succeeded();
  }

  leave(): void {
    this.#circuit?.leave(this.#line);
    this.#circuit = null;
  }

  /** Monotonic ms to wait before the next request; 0: ask with `take`. */
  get waitMs(): number {
    return this.#circuit?.isOpen === true && !this.#isOwn ? 0 : this.#pace.waitMs;
  }

  /** One small request at a time. */
  get probing(): boolean {
    return this.#pace.probing || this.#circuit?.isOpen === true;
  }

  /** Monotonic ms for which nothing but failure came, of this line's requests or of those that it waited for. */
  get failingMs(): number {
    return this.#pace.failingMs;
  }

  /** True: a request may be made. False: others of the project find out first, and `onTurn` will tell. */
  take(): boolean {
    this.#used = this.#circuit?.ask(this.#line) ?? true;
    return this.#used;
  }

  /** A permit has come, perhaps long after `take`. */
  get maySend(): boolean {
    return this.#circuit?.isOpen !== true || this.#circuit.holds(this.#line);
  }

  /** The request has its end, whatever it was. */
  done(): void {
    if (this.#circuit?.holds(this.#line) === true) this.#circuit.leave(this.#line);
  }

  /** `startedAt`: monotonic ms at which the request began. */
  failed(startedAt: number, outcome: Failure): void {
    if (outcome.cause === 'stopped') return;
    this.#pace.failed(startedAt, outcome.afterMs);
    // Without a request there was no token, which says nothing of the project.
    this.#isOwn = outcome.cause === 'rateLimited' || outcome.answer.requestId === '';
    if (!this.#isOwn) this.#circuit?.failed(this.#line, startedAt, outcome);
  }

  succeeded(): void {
    this.#pace.succeeded();
    this.#circuit?.succeeded();
  }
}
