// A connection's uplinks as they come. Of a busy connection the bridge tells as many as a page can show, and counts the others.
import { useEffect, useRef, useState } from 'react';
import type { FollowedUplink } from '../../domain/ports/control.ts';
import { followLines } from './lines.ts';

export interface TailFilter {
  /** A whole DevEUI; empty: all. */
  readonly device: string;
  /** Empty: all. */
  readonly outcome: string;
}

export interface Tail {
  /** The latest first. */
  readonly uplinks: readonly FollowedUplink[];
  readonly state: 'connecting' | 'live' | 'lost';
  /** Why it is lost, where somebody said so. */
  readonly reason: string | null;
  /** Seen since the page was opened, also those that are not shown. */
  readonly seen: number;
  /** Left out by the bridge because this reader was too slow. */
  readonly missed: number;
  /** A second, over the last few seconds. */
  readonly rate: number;
}

export const SHOWN = 500;
/** What is told of a busy connection: more than anybody reads. */
export const PER_SECOND = 200;
const SHOW_MS = 250;
const RATE_STEPS = 12;
const NONE: Tail = { uplinks: [], state: 'connecting', reason: null, seen: 0, missed: 0, rate: 0 };

/** While paused nothing new is shown, and what comes is counted. */
export function useTail(connection: string, { device, outcome }: TailFilter, isPaused: boolean): Tail {
  const [tail, setTail] = useState(NONE);
  const paused = useRef(isPaused);
  paused.current = isPaused;
  useEffect(() => {
    const query = new URLSearchParams({ perSecond: String(PER_SECOND) });
    if (device !== '') query.set('device', device);
    if (outcome !== '') query.set('outcome', outcome);
    const path = `/connections/${encodeURIComponent(connection)}/tail?${query}`;
    const follower = new Follower(path, () => paused.current, setTail);
    void follower.run();
    return () => follower.stop();
  }, [connection, device, outcome]);
  return tail;
}

class Follower {
  readonly #path: string;
  readonly #isPaused: () => boolean;
  readonly #tell: (tail: Tail) => void;
  readonly #stopping = new AbortController();
  /** Lines that are not shown yet, the latest last; older ones fall out unparsed. */
  #lines: string[] = [];
  #counts: number[] = [];
  #sinceShown = 0;
  #shown = NONE;

  constructor(path: string, isPaused: () => boolean, tell: (tail: Tail) => void) {
    this.#path = path;
    this.#isPaused = isPaused;
    this.#tell = tell;
  }

  stop(): void {
    this.#stopping.abort();
  }

  async run(): Promise<void> {
    const { signal } = this.#stopping;
    this.#tell(NONE);
    const timer = setInterval(() => this.#show(), SHOW_MS);
    signal.addEventListener('abort', () => clearInterval(timer));
    await followLines(this.#path, signal, {
      onLive: () => {
        this.#shown = { ...this.#shown, state: 'live', reason: null };
      },
      onLost: (reason) => {
        this.#shown = { ...this.#shown, state: 'lost', reason };
      },
      onLine: (line) => this.#take(line),
    });
  }

  #take(line: string): void {
    if (line.startsWith('{"missed"')) {
      this.#shown = { ...this.#shown, missed: this.#shown.missed + countIn(line, 'missed') };
      return;
    }
    if (line.startsWith('{"more"')) {
      this.#sinceShown += countIn(line, 'more');
      return;
    }
    this.#sinceShown += 1;
    this.#lines.push(line);
    // Now and then, not with every line.
    if (this.#lines.length > 2 * SHOWN) this.#lines = this.#lines.slice(-SHOWN);
  }

  #show(): void {
    const { state, seen, uplinks } = this.#shown;
    this.#counts = [...this.#counts, this.#sinceShown].slice(-RATE_STEPS);
    const rate = this.#counts.reduce((sum, count) => sum + count, 0) / ((this.#counts.length * SHOW_MS) / 1000);
    let shown = uplinks;
    if (!this.#isPaused() && this.#lines.length > 0) {
      const fresh = this.#lines.slice(-SHOWN).map(uplinkIn).reverse();
      shown = [...fresh, ...uplinks].slice(0, SHOWN);
      this.#lines = [];
    }
    this.#shown = { ...this.#shown, uplinks: shown, seen: seen + this.#sinceShown, rate, state };
    this.#sinceShown = 0;
    this.#tell(this.#shown);
  }
}

function uplinkIn(line: string): FollowedUplink {
  return JSON.parse(line) as FollowedUplink;
}

function countIn(line: string, name: 'missed' | 'more'): number {
  const count = (JSON.parse(line) as { readonly [name: string]: unknown })[name];
  return typeof count === 'number' ? count : 0;
}
