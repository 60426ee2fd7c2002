// What HERE is asked for: the projects of an account, a project's devices, and a trial of a definition before it is saved.
import { useMutation, useQuery } from '@tanstack/react-query';
import type { ConnectionTest } from '../../domain/ports/desk.ts';
import type { HereDevice } from '../../domain/ports/here-questions.ts';
import { call } from './call.ts';
import type { NewConnection } from './connections.ts';

export interface Project {
  readonly appId: string;
  readonly projectId: string | null;
  readonly projectName: string;
  /** HERE's word for the kind of licence. */
  readonly type: string | null;
  readonly isExpired: boolean;
  readonly endsAt: string | null;
  readonly devicesLeft: number | null;
}

export interface ListedDevice extends HereDevice {
  /** When the connection last heard it; null: never. */
  readonly lastSeen: string | null;
}

export interface HereView {
  readonly projects: readonly Project[];
  readonly devices: readonly ListedDevice[];
  readonly hasMore: boolean;
}

/** Asked once, and again by hand only: each look costs requests of the account. */
export function useHereView(connectionId: string, isEnabled: boolean) {
  return useQuery({
    queryKey: ['here', connectionId, 'view'],
    queryFn: async ({ signal }): Promise<HereView> => {
      const query = new URLSearchParams({ connectionId });
      const projects = await call<Project[]>('GET', `/here/projects?${query}`, { signal });
      const devices = await call<ListedDevice[]>('GET', `/here/devices?${query}&limit=100`, { signal });
      return { projects: projects.data, devices: devices.data, hasMore: devices.headers.has('x-next-cursor') };
    },
    enabled: isEnabled,
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
    refetchOnWindowFocus: false,
  });
}

/** `listenMs`: how long a first uplink is waited for. */
export function useTestConnection(listenMs = 2_000) {
  return useMutation({
    mutationFn: async (definition: NewConnection) =>
      (await call<ConnectionTest>('POST', `/connections/test?listenMs=${listenMs}`, { body: definition })).data,
  });
}

export interface Credentials {
  readonly email: string;
  readonly password: string;
  readonly realm?: string;
  readonly service?: string;
}

export function useListProjects() {
  return useMutation({
    mutationFn: async (credentials: Credentials) =>
      (await call<Project[]>('POST', '/here/projects', { body: credentials })).data,
  });
}
