// Events: what a person should know, of one connection or of all.
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import type { BridgeEvent } from '../../domain/events.ts';
import { call } from './call.ts';

export interface EventFilter {
  readonly connectionId?: string;
  readonly severities?: readonly BridgeEvent['severity'][];
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
  if (filter.connectionId !== undefined) query.set('connectionId', filter.connectionId);
  for (const severity of filter.severities ?? []) query.append('severity', severity);
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

export function useEvents(filter: EventFilter) {
  return useInfiniteQuery({
    queryKey: ['events', 'all', filter],
    queryFn: ({ pageParam, signal }) => page(filter, pageParam, 100, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next,
  });
}
