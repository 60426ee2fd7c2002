// Where HERE last saw the devices of a connection: all of them once, page by page, then what has changed since.
import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { call } from './call.ts';
import type { Trace } from './devices.ts';

export interface Position {
  readonly device: string;
  /** ISO; null: it has not reported. */
  readonly reportedAt: string | null;
  /** `accuracy` in metres. */
  readonly position: { readonly lat: number; readonly lng: number; readonly accuracy: number | null } | null;
}

interface Page {
  readonly positions: readonly Position[];
  readonly next: string | null;
}

export interface Positions {
  readonly devices: readonly Position[];
  /** ms since the epoch of the last answer; null: none yet. */
  readonly at: number | null;
  readonly isWhole: boolean;
  /** There are more than are shown. */
  readonly isCut: boolean;
  readonly error: Error | null;
}

const PAGE = 1000;
const MOST = 100_000;
/** Each look costs a request of the account, and only while somebody looks. */
const CHANGES_MS = 15_000;
const TRACK_PAGES = 3;
const DAY_MS = 24 * 3_600_000;
const NONE: Positions = { devices: [], at: null, isWhole: false, isCut: false, error: null };

const base = (connection: string): string => `/connections/${encodeURIComponent(connection)}`;

export function usePositions(connection: string): Positions {
  const [state, setState] = useState(NONE);
  useEffect(() => {
    const reader = new Reader(connection, setState);
    void reader.run();
    return () => reader.stop();
  }, [connection]);
  return state;
}

class Reader {
  readonly #connection: string;
  readonly #tell: (positions: Positions) => void;
  readonly #stopping = new AbortController();
  readonly #devices = new Map<string, Position>();
  #latest = '';
  #shown = NONE;

  constructor(connection: string, tell: (positions: Positions) => void) {
    this.#connection = connection;
    this.#tell = tell;
  }

  stop(): void {
    this.#stopping.abort();
  }

  async run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        if (document.visibilityState === 'visible') await this.#read();
      } catch (error) {
        if (signal.aborted) return;
        this.#show({ error: error instanceof Error ? error : new Error(String(error)) });
      }
      await pause(CHANGES_MS, signal);
    }
  }

  async #read(): Promise<void> {
    const since = this.#shown.isWhole && this.#latest !== '' ? this.#latest : null;
    let cursor: string | null = null;
    do {
      const query = new URLSearchParams({ limit: String(PAGE) });
      if (since !== null) query.set('after', since);
      if (cursor !== null) query.set('cursor', cursor);
      const path = `${base(this.#connection)}/positions?${query}`;
      const { data }: { data: Page } = await call<Page>('GET', path, { signal: this.#stopping.signal });
      for (const each of data.positions) {
        this.#devices.set(each.device, each);
        if (each.reportedAt !== null && each.reportedAt > this.#latest) this.#latest = each.reportedAt;
      }
      cursor = this.#devices.size < MOST ? data.next : null;
      const isCut = data.next !== null && cursor === null;
      const hasNews = data.positions.length > 0 || !this.#shown.isWhole;
      this.#show({
        ...(hasNews ? { devices: [...this.#devices.values()] } : {}),
        ...{ at: Date.now(), error: null, isCut: isCut || (since !== null && this.#shown.isCut) },
        isWhole: this.#shown.isWhole || cursor === null,
      });
    } while (cursor !== null);
  }

  #show(news: Partial<Positions>): void {
    this.#shown = { ...this.#shown, ...news };
    if (!this.#stopping.signal.aborted) this.#tell(this.#shown);
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** What HERE has stored of a device in the last 24 hours, the latest first; bounded. */
export function useTrack(connection: string, device: string | null) {
  return useQuery({
    queryKey: ['here', connection, 'track', device],
    enabled: device !== null,
    queryFn: async ({ signal }) => {
      const traces: Trace[] = [];
      let cursor: string | null = null;
      const from = new Date(Date.now() - DAY_MS).toISOString();
      for (let page = 0; page < TRACK_PAGES; page++) {
        const query = new URLSearchParams({ from, limit: String(PAGE) });
        if (cursor !== null) query.set('cursor', cursor);
        const path = `${base(connection)}/devices/${device}/traces?${query}`;
        const answer: { data: Trace[]; headers: Headers } = await call<Trace[]>('GET', path, { signal });
        traces.push(...answer.data);
        cursor = answer.headers.get('x-next-cursor');
        if (cursor === null) break;
      }
      return { traces, isCut: cursor !== null };
    },
    staleTime: 30_000,
    retry: false,
    refetchOnWindowFocus: false,
  });
}
