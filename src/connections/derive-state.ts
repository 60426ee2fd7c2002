// What a reader makes of a status record and of the heartbeats of the worker that wrote it: UNREACHABLE where none comes.
import type { ConnectionState, ConnectionStatus } from '../domain/connection.ts';
import type { Clock } from '../domain/ports/clock.ts';
import type { Heartbeat } from './heartbeat.ts';

/** A worker is given up after so many missed heartbeats. */
const MISSED = 3;

/** Watches heartbeats by the observer's own monotonic clock: clocks of different machines are never compared. */
export class WorkerWatch {
  readonly #clock: Clock;
  readonly #workers = new Map<string, { beat: Heartbeat; heardAt: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A heartbeat, also a retained one: it counts as heard now, since it cannot be told how old it is. */
  heard(beat: Heartbeat): void {
    this.#workers.set(beat.id, { beat, heardAt: this.#clock.monotonic() });
  }

  forget(worker: string): void {
    this.#workers.delete(worker);
  }

  isAlive(worker: string): boolean {
    const known = this.#workers.get(worker);
    if (known === undefined || !known.beat.alive) return false;
    return this.#clock.monotonic() - known.heardAt <= MISSED * known.beat.intervalMs;
  }
}

/** A connection that nobody runs on purpose is not unreachable. */
export function deriveState(status: Pick<ConnectionStatus, 'state'>, workerAlive: boolean): ConnectionState {
  return workerAlive || status.state === 'DEACTIVATED' ? status.state : 'UNREACHABLE';
}
