// Ending the process: gently at the first signal, bounded in time, at once at the second.
import { EventEmitter } from 'node:events';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Clock } from '../../src/domain/ports/clock.ts';
import { aborted, listenForStop, type StopListener } from '../../src/ops/signals.ts';

/** A clock that stands still until it is moved. */
class HandClock implements Clock {
  #now = 0;
  #timers: { at: number; run: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#now;
  }

  after(ms: number, run: () => void): () => void {
    const timer = { at: this.#now + ms, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  move(ms: number): void {
    this.#now += ms;
    const due = this.#timers.filter((timer) => timer.at <= this.#now);
    this.#timers = this.#timers.filter((timer) => timer.at > this.#now);
    for (const timer of due) timer.run();
  }
}

let source: EventEmitter;
let clock: HandClock;
let exits: number[];
let lines: string[];
let listener: StopListener;

beforeEach(() => {
  source = new EventEmitter();
  clock = new HandClock();
  exits = [];
  lines = [];
  listener = listenForStop({
    source,
    clock,
    deadlineMs: 10_000,
    exit: (code) => exits.push(code),
    report: (line) => lines.push(line),
  });
});

describe('A signal to stop', () => {
  test('asks for a gentle end', async () => {
    expect(listener.signal.aborted).toBe(false);
    source.emit('SIGTERM', 'SIGTERM');
    await aborted(listener.signal);
    expect(exits).toEqual([]);
  });

  test('ends the process when the gentle end takes too long', () => {
    source.emit('SIGINT', 'SIGINT');
    clock.move(9999);
    expect(exits).toEqual([]);
    clock.move(1);
    expect(exits).toEqual([1]);
    expect(lines).toEqual(['Stopping took longer than 10 s: ending now']);
  });

  test.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const)('ends the process at once when %s comes a second time', (name, code) => {
    source.emit('SIGTERM', 'SIGTERM');
    clock.move(500);
    source.emit(name, name);
    expect(exits).toEqual([code]);
  });

  test('counts once when npm or the launcher pass on what the terminal has sent to all', () => {
    source.emit('SIGINT', 'SIGINT');
    clock.move(5);
    source.emit('SIGINT', 'SIGINT');
    expect(exits).toEqual([]);
  });

  test('is no longer listened for after dispose', () => {
    source.emit('SIGTERM', 'SIGTERM');
    listener.dispose();
    clock.move(20_000);
    expect(exits).toEqual([]);
    expect(source.listenerCount('SIGTERM') + source.listenerCount('SIGINT')).toBe(0);
  });
});
