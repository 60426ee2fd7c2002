// The worker that answers, and the workers of its group.
import { useQuery } from '@tanstack/react-query';
import type { ClusterWorker } from '../../domain/ports/cluster.ts';
import type { WorkerView } from '../../domain/ports/control.ts';
import { call } from './call.ts';

const REFRESH_MS = 5_000;

export function useStatus() {
  return useQuery({
    queryKey: ['status'],
    queryFn: async ({ signal }) => (await call<WorkerView>('GET', '/status', { signal })).data,
    refetchInterval: REFRESH_MS,
  });
}

/** Empty: this worker is alone. */
export function useWorkers() {
  return useQuery({
    queryKey: ['workers'],
    queryFn: async ({ signal }) => (await call<ClusterWorker[]>('GET', '/workers', { signal })).data,
    refetchInterval: REFRESH_MS,
  });
}
