// Whether a session that another one has taken the place of is read empty. The source is asked, and its word is waited out for a
// moment: behind some brokers' acknowledgements what waits comes a little later.
import type { SourceListener, UplinkSource } from '../domain/ports/broker.ts';
import type { Clock } from '../domain/ports/clock.ts';

/** So long after the source has said that it is drained nothing may have come. */
const SILENT_MS = 2_000;
/** What gives something all the time need not be asked. */
const QUIET_MS = 500;

type Done = Parameters<SourceListener['onMessages']>[1];

export class SessionDrain {
  readonly #clock: Clock;
  /** Null: not up. */
  #upAt: number | null = null;
  #heardAt = 0;
  /** When the source said that it is drained; null: it has not, or something has happened since. */
  #drainedAt: number | null = null;
  #isAsking = false;
  /** Counts what happens. */
  #events = 0;
  /** What it handed over and the line has not answered yet: a broker with a full window is silent meanwhile. */
  readonly #unanswered = new Set<Done>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isUp(): boolean {
    return this.#upAt !== null;
  }

  up(): void {
    this.#upAt = this.#clock.monotonic();
    this.heard();
  }

  down(): void {
    this.#upAt = null;
    this.heard();
  }

  handedOver(done: Done): void {
    this.#unanswered.add(done);
    this.heard();
  }

  answered(done: Done): void {
    this.#unanswered.delete(done);
    this.heard();
  }

  /** Something has happened, or cannot happen now: it is not silent. */
  heard(): void {
    this.#heardAt = this.#clock.monotonic();
    this.#drainedAt = null;
    this.#events += 1;
  }

  /** To be asked now and then; true: the session may be ended. Has the source asked where that is due, one question at a time. */
  isOver(source: Pick<UplinkSource, 'drained'>): boolean {
    if (this.#upAt === null || this.#unanswered.size > 0) return false;
    const now = this.#clock.monotonic();
    if (this.#drainedAt !== null) return now - this.#drainedAt >= SILENT_MS;
    if (!this.#isAsking && now - this.#heardAt >= QUIET_MS) void this.#ask(source);
    return false;
  }

  async #ask(source: Pick<UplinkSource, 'drained'>): Promise<void> {
    this.#isAsking = true;
    const events = this.#events;
    const isDrained = await source.drained().catch(() => false);
    this.#isAsking = false;
    if (isDrained && events === this.#events) this.#drainedAt = this.#clock.monotonic();
  }
}
