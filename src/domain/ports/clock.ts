// Time and chance as ports: logic never reads the wall clock, arms a timer or draws a number by itself.

export type Cancel = () => void;

export interface Clock {
  /** Wall clock, ms since the epoch. It may step either way: use it for what people and peers read, never for waiting. */
  now(): number;
  /** Monotonic clock, ms, never steps: use it for rates, back-off, ages within this process. */
  monotonic(): number;
  /** Calls `run` once after `ms` of monotonic time. The timer does not keep the process alive. */
  after(ms: number, run: () => void): Cancel;
}

export interface Chance {
  /** Uniform in [0, 1). */
  random(): number;
  /** A UUID version 4, as HERE's `X-Request-Id` wants it. */
  uuid(): string;
}
