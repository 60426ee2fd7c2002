// The latest uplink of one device as it came, followed while somebody looks, with what the connection makes of it.
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useEffect, useState, useSyncExternalStore } from 'react';
import { followLines } from './lines.ts';
import { type Tried, tryAs } from './trial.ts';

export interface HeardUplink {
  readonly time: string;
  readonly topic: string;
  /** Where it is a text. */
  readonly payload?: string;
  readonly payloadBase64?: string;
  /** Bytes of a message that is not shown. */
  readonly tooLarge?: number;
}

/** What belongs together: the message, and what comes of it. null: it is no text that could be tried. */
export interface TriedHeard {
  readonly heard: HeardUplink;
  readonly tried: Tried | null;
}

export interface Following {
  readonly state: 'connecting' | 'live' | 'lost' | 'held';
  /** Why it is lost, where somebody said so. */
  readonly reason: string | null;
  readonly latest: HeardUplink | null;
}

/** The newest in so many ms is shown: what a person can see, and what the bridge is asked for at most. */
const SHOW_MS = 1_000;
const BEFORE: Following = { state: 'connecting', reason: null, latest: null };

/** Held, or in a tab that nobody sees, nothing is followed, and what was shown stays. Of one device as long as it lives. */
export function useHeardUplink(connection: string, device: string, isHeld: boolean): Following {
  const [following, setFollowing] = useState(BEFORE);
  const isSeen = useSeen();
  useEffect(() => {
    const change = (part: Partial<Following>): void => setFollowing((old) => ({ ...old, ...part }));
    if (isHeld || !isSeen) {
      if (isHeld) change({ state: 'held', reason: null });
      return;
    }
    change({ state: 'connecting', reason: null });
    let newest: HeardUplink | null = null;
    let timer: ReturnType<typeof setTimeout> | null = null;
    const show = (): void => {
      timer = null;
      if (newest === null) return;
      change({ latest: newest });
      newest = null;
      timer = setTimeout(show, SHOW_MS);
    };
    const ending = new AbortController();
    const query = new URLSearchParams({ device, messages: 'true' });
    void followLines(`/connections/${encodeURIComponent(connection)}/tail?${query}`, ending.signal, {
      onLive: () => change({ state: 'live', reason: null }),
      onLost: (reason) => change({ state: 'lost', reason }),
      onLine: (line) => {
        if (!line.startsWith('{"message"')) return;
        newest = (JSON.parse(line) as { message: HeardUplink }).message;
        if (timer === null) show();
      },
    });
    return () => {
      ending.abort();
      if (timer !== null) clearTimeout(timer);
    };
  }, [connection, device, isHeld, isSeen]);
  return following;
}

/** The one before stays until the newer one has its record, so that what is shown belongs together. */
export function useTriedHeard(connection: string, device: string, heard: HeardUplink | null) {
  return useQuery({
    queryKey: ['uplinks', 'heard', connection, device, heard?.time, heard?.payload],
    queryFn: async ({ signal }): Promise<TriedHeard | null> => {
      if (heard === null) return null;
      const { topic, payload } = heard;
      return { heard, tried: payload === undefined ? null : await tryAs(connection, topic, payload, signal) };
    },
    enabled: heard !== null,
    placeholderData: keepPreviousData,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 10_000,
  });
}

function useSeen(): boolean {
  return useSyncExternalStore(watchSeen, () => !document.hidden);
}

function watchSeen(watcher: () => void): () => void {
  document.addEventListener('visibilitychange', watcher);
  return () => document.removeEventListener('visibilitychange', watcher);
}
