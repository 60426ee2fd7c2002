// Devices of a connection: those it has heard, what HERE has of one, those that HERE does not take.
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { HereDevice } from '../../domain/ports/here-questions.ts';
import { call } from './call.ts';

export interface Device {
  readonly device: string;
  readonly firstSeen: string;
  readonly lastSeen: string;
  readonly uplinks: number;
}

export interface UnknownDevice {
  readonly device: string;
  readonly reason: string;
  readonly lastSeen: string | null;
}

/** A record as HERE gives it; of others than ours anything may be missing. */
export interface Trace {
  readonly timestamp?: number;
  readonly position?: { readonly lat?: number; readonly lng?: number; readonly accuracy?: number };
}

const PAGE = 1000;
const REFRESH_MS = 5_000;
/** The most that the API creates by one request. */
const CREATE_AT_ONCE = 100;

const base = (connection: string): string => `/connections/${encodeURIComponent(connection)}`;

/** In the order of DevEUIs, a page after the other. */
export function useDevices(connection: string) {
  return useInfiniteQuery({
    queryKey: ['connections', connection, 'devices'],
    queryFn: async ({ pageParam, signal }) => {
      const query = new URLSearchParams({ limit: String(PAGE) });
      if (pageParam !== null) query.set('cursor', pageParam);
      const { data, headers } = await call<Device[]>('GET', `${base(connection)}/devices?${query}`, { signal });
      return { devices: data, next: headers.get('x-next-cursor') };
    },
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next,
    refetchInterval: REFRESH_MS,
  });
}

export function useDevice(connection: string, device: string) {
  return useQuery({
    queryKey: ['connections', connection, 'devices', device],
    queryFn: async ({ signal }) =>
      (await call<Device>('GET', `${base(connection)}/devices/${device}`, { signal })).data,
    refetchInterval: REFRESH_MS,
  });
}

/** Asked of HERE once, and again by hand only: each look costs a request of the account. */
const asked = { staleTime: Number.POSITIVE_INFINITY, retry: false, refetchOnWindowFocus: false } as const;

export function useShadow(connection: string, device: string) {
  return useQuery({
    queryKey: ['here', connection, 'shadow', device],
    queryFn: async ({ signal }) =>
      (await call<HereDevice>('GET', `${base(connection)}/devices/${device}/shadow`, { signal })).data,
    ...asked,
  });
}

export function useTraces(connection: string, device: string) {
  return useQuery({
    queryKey: ['here', connection, 'traces', device],
    queryFn: async ({ signal }) =>
      (await call<Trace[]>('GET', `${base(connection)}/devices/${device}/traces?limit=50`, { signal })).data,
    ...asked,
  });
}

export function useUnknownDevices(connection: string) {
  return useQuery({
    queryKey: ['connections', connection, 'unknown-devices'],
    queryFn: async ({ signal }) =>
      (await call<UnknownDevice[]>('GET', `${base(connection)}/unknown-devices`, { signal })).data,
    refetchInterval: REFRESH_MS,
  });
}

/** One verdict for each device: `created`, `known`, or why not. */
export function useCreateDevices(connection: string) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: async (devices: readonly string[]) => {
      const verdicts: Record<string, string> = {};
      for (let from = 0; from < devices.length; from += CREATE_AT_ONCE) {
        const body = { devices: devices.slice(from, from + CREATE_AT_ONCE) };
        const path = `${base(connection)}/unknown-devices/create`;
        Object.assign(verdicts, (await call<Record<string, string>>('POST', path, { body })).data);
      }
      return verdicts;
    },
    onSettled: () => queries.invalidateQueries({ queryKey: ['connections', connection] }),
  });
}

const IGNORE_AT_ONCE = 1000;

/** Resolves with how many are ignored now. */
export function useIgnoreDevices(connection: string) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: async (devices: readonly string[]) => {
      let sum = 0;
      for (let from = 0; from < devices.length; from += IGNORE_AT_ONCE) {
        const body = { devices: devices.slice(from, from + IGNORE_AT_ONCE) };
        const path = `${base(connection)}/unknown-devices/ignore`;
        sum += (await call<{ ignored: number }>('POST', path, { body })).data.ignored;
      }
      return sum;
    },
    onSettled: () => queries.invalidateQueries({ queryKey: ['connections', connection] }),
  });
}

/** Devices whose uplinks are skipped on a person's word. */
export function useRetiredDevices(connection: string) {
  return useQuery({
    queryKey: ['connections', connection, 'retired-devices'],
    queryFn: async ({ signal }) =>
      (await call<string[]>('GET', `${base(connection)}/retired-devices`, { signal })).data,
  });
}

export function useReleaseDevice(connection: string) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (device: string) => call('POST', `${base(connection)}/devices/${device}/release`),
    onSettled: () => queries.invalidateQueries({ queryKey: ['connections', connection] }),
  });
}
