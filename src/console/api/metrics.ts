// What passed in the last hour or day, step by step.
import { useQuery } from '@tanstack/react-query';
import type { FigurePoint, Figures } from '../../domain/ports/figures.ts';
import { call } from './call.ts';

export type Period = '1h' | '1d';

export interface Metrics {
  readonly stepMs: number;
  readonly points: readonly (Omit<FigurePoint, 'at'> & { readonly time: string })[];
  readonly total: Figures;
  readonly activeThings: { readonly hour: number; readonly day: number };
}

export function useMetrics(id: string, period: Period) {
  return useQuery({
    queryKey: ['connections', id, 'metrics', period],
    queryFn: async ({ signal }) => {
      const path = `/connections/${encodeURIComponent(id)}/metrics?period=${period}`;
      return (await call<Metrics>('GET', path, { signal })).data;
    },
    refetchInterval: 10_000,
  });
}
