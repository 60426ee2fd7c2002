// How the process is asked to end: the first SIGTERM or SIGINT stops it gently, bounded in time; a second one at once.
import type { EventEmitter } from 'node:events';
import type { Clock } from '../domain/ports/clock.ts';

export interface StopListenerOptions {
  /** The process. */
  readonly source: Pick<EventEmitter, 'on' | 'off'>;
  readonly clock: Clock;
  /** How long a gentle end may take; then `exit(1)`. */
  readonly deadlineMs: number;
  readonly exit: (code: number) => void;
  /** Gets one line for a person. */
  readonly report: (line: string) => void;
}

export interface StopListener {
  /** Aborts at the first signal. */
  readonly signal: AbortSignal;
  /** Takes the listeners off and lifts the deadline. */
  dispose(): void;
}

const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

/**
 * A terminal sends SIGINT to its whole process group, as a supervisor may send SIGTERM, and npm and the launcher pass
 * theirs on besides: within this time a repetition is the same request, not a second one.
 */
const SAME_REQUEST_MS = 100;

export function listenForStop(options: StopListenerOptions): StopListener {
  const { source, clock, deadlineMs, exit, report } = options;
  const stopping = new AbortController();
  let firstAt: number | null = null;
  let cancelDeadline = (): void => {};

  const onSignal = (signal: keyof typeof EXIT_CODES): void => {
    if (firstAt === null) {
      firstAt = clock.monotonic();
      cancelDeadline = clock.after(deadlineMs, () => {
        report(`Stopping took longer than ${deadlineMs / 1000} s: ending now`);
        exit(1);
      });
      stopping.abort();
    } else if (clock.monotonic() - firstAt >= SAME_REQUEST_MS) exit(EXIT_CODES[signal]);
  };
  source.on('SIGINT', onSignal);
  source.on('SIGTERM', onSignal);
  return {
    signal: stopping.signal,
    dispose() {
      source.off('SIGINT', onSignal);
      source.off('SIGTERM', onSignal);
      cancelDeadline();
    },
  };
}

/** Resolves when the signal has aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
