// The demo: a simulated fleet and a simulated HERE within the bridge, started and removed whole.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { DemoView } from '../../domain/ports/demo.ts';
import { call } from './call.ts';

const KEY = ['demo'] as const;

export function useDemo() {
  return useQuery({
    queryKey: KEY,
    queryFn: async ({ signal }) => (await call<DemoView>('GET', '/demo', { signal })).data,
    refetchInterval: 10_000,
  });
}

export function useChangeDemo() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: async (change: 'start' | 'remove') =>
      (await call<DemoView>(change === 'start' ? 'POST' : 'DELETE', '/demo')).data,
    onSuccess: (view) => queries.setQueryData(KEY, view),
    onSettled: () => queries.invalidateQueries({ queryKey: ['connections'] }),
  });
}
