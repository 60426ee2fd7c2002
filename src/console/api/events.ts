// Events: what a person should know, of one connection or of all.
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import type { BridgeEvent, EventKind } from '../../domain/events.ts';
import { call } from './call.ts';

export interface EventFilter {
  readonly connectionId?: string;
  readonly kind?: EventKind;
  readonly severity?: BridgeEvent['severity'];
  /** ISO 8601, with it and without it. */
  readonly from?: string;
  readonly to?: string;
  /** ms back from now, in place of `from` and `to`. */
  readonly spanMs?: number;
}

interface EventPage {
  readonly events: readonly BridgeEvent[];
  readonly next: string | null;
}

async function page(
  filter: EventFilter,
  cursor: string | null,
  limit: number,
  signal: AbortSignal,
): Promise<EventPage> {
  const query = new URLSearchParams({ limit: String(limit) });
  for (const name of ['connectionId', 'kind', 'severity', 'from', 'to'] as const) {
    const value = filter[name];
    if (value !== undefined) query.set(name, value);
  }
  if (filter.spanMs !== undefined) query.set('from', new Date(Date.now() - filter.spanMs).toISOString());
  if (cursor !== null) query.set('cursor', cursor);
  const { data, headers } = await call<BridgeEvent[]>('GET', `/events?${query}`, { signal });
  return { events: data, next: headers.get('x-next-cursor') };
}

/** The latest few; kept fresh by the live link. */
export function useLatestEvents(connectionId: string, limit: number) {
  return useQuery({
    queryKey: ['events', connectionId, limit],
    queryFn: async ({ signal }) => (await page({ connectionId }, null, limit, signal)).events,
  });
}

/** What has become too old for a span leaves it so often, also when nothing new happens. */
const SPAN_REFRESH_MS = 60_000;

export function useEvents(filter: EventFilter) {
  return useInfiniteQuery({
    queryKey: ['events', 'all', filter],
    queryFn: ({ pageParam, signal }) => page(filter, pageParam, 100, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next,
    refetchInterval: filter.spanMs === undefined ? false : SPAN_REFRESH_MS,
  });
}
