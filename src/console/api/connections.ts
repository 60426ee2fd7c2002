// Connections as the console asks for them and changes them.
import { keepPreviousData, useMutation, useQueries, useQuery, useQueryClient } from '@tanstack/react-query';
import type { ConnectionState } from '../../domain/connection.ts';
import type { ConnectionView } from '../../domain/ports/control.ts';
import { call } from './call.ts';

/** The most that the API lists at once. */
export const PAGE = 100;
const REFRESH_MS = 5_000;

export interface ListFilter {
  readonly q: string;
  readonly states: readonly ConnectionState[];
  readonly sort: string;
}

export interface ListPage {
  readonly rows: readonly ConnectionView[];
  readonly total: number;
}

function listPath({ q, states, sort }: ListFilter, page: number): string {
  const query = new URLSearchParams({ page: String(page), perPage: String(PAGE), sort });
  if (q !== '') query.set('q', q);
  for (const state of states) query.append('state', state);
  return `/connections?${query}`;
}

/** The pages of the list that are in view, refreshed while they are; `pages` counts from 1. */
export function useConnectionPages(filter: ListFilter, pages: readonly number[]) {
  return useQueries({
    queries: pages.map((page) => ({
      queryKey: ['connections', 'list', filter, page],
      queryFn: async ({ signal }: { signal: AbortSignal }): Promise<ListPage> => {
        const { data, headers } = await call<ConnectionView[]>('GET', listPath(filter, page), { signal });
        return { rows: data, total: Number(headers.get('x-total') ?? data.length) };
      },
      refetchInterval: REFRESH_MS,
      // Of another filter, but of the same page: rows of another one would stand in the wrong place.
      placeholderData: (before: ListPage | undefined, query: { readonly queryKey: readonly unknown[] } | undefined) =>
        query?.queryKey.at(-1) === page ? before : undefined,
    })),
  });
}

export interface Versioned {
  readonly connection: ConnectionView;
  readonly etag: string | null;
}

export function useConnection(id: string) {
  return useQuery({
    queryKey: ['connections', id],
    queryFn: async ({ signal }): Promise<Versioned> => {
      const { data, etag } = await call<ConnectionView>('GET', `/connections/${encodeURIComponent(id)}`, { signal });
      return { connection: data, etag };
    },
    refetchInterval: REFRESH_MS,
  });
}

const NAME_KEPT_MS = 300_000;

/** The name of a connection, where only its id is told; the id until it is known, and for one that is deleted. Of none: ''. */
export function useConnectionName(id: string | null): string {
  const { data } = useQuery({
    queryKey: ['names', id],
    queryFn: async ({ signal }) =>
      (await call<ConnectionView>('GET', `/connections/${encodeURIComponent(id ?? '')}`, { signal })).data.name,
    staleTime: NAME_KEPT_MS,
    retry: false,
    enabled: id !== null,
  });
  return data ?? id ?? '';
}

const OFFERED = 20;

/** The first few that `q` finds, by name, with their names alone; what was found before stays while the next is looked for. */
export function useConnectionSearch(q: string, isWanted: boolean) {
  return useQuery({
    queryKey: ['connections', 'search', q],
    queryFn: async ({ signal }) => {
      const query = new URLSearchParams({ perPage: String(OFFERED), sort: 'name', ...(q === '' ? {} : { q }) });
      const { data } = await call<ConnectionView[]>('GET', `/connections?${query}`, { signal });
      return data.map(({ id, name }) => ({ id, name }));
    },
    placeholderData: keepPreviousData,
    enabled: isWanted,
  });
}

export type ConnectionAction = 'start' | 'stop' | 'restart';

export function useConnectionAction() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: ({ id, action }: { readonly id: string; readonly action: ConnectionAction }) =>
      call('POST', `/connections/${encodeURIComponent(id)}/${action}`),
    onSettled: () => queries.invalidateQueries({ queryKey: ['connections'] }),
  });
}

export function useDeleteConnection() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => call('DELETE', `/connections/${encodeURIComponent(id)}`),
    onSettled: () => queries.invalidateQueries({ queryKey: ['connections'] }),
  });
}

export interface NewConnection {
  readonly connectorId: string;
  readonly name: string;
  readonly configuration: Readonly<Record<string, unknown>>;
}

export function useCreateConnection() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: async ({ definition, key }: { readonly definition: NewConnection; readonly key: string }) => {
      const { data } = await call<ConnectionView>('POST', '/connections', { body: definition, idempotencyKey: key });
      return data;
    },
    onSettled: () => queries.invalidateQueries({ queryKey: ['connections'] }),
  });
}

/** Changes fields of a connection, if it is still the version that was looked at. */
export function useAmendConnection(id: string) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: ({ change, etag }: { readonly change: object; readonly etag: string | null }) =>
      call<ConnectionView>('PATCH', `/connections/${encodeURIComponent(id)}`, { body: change, ifMatch: etag }),
    onSettled: () => queries.invalidateQueries({ queryKey: ['connections'] }),
  });
}
