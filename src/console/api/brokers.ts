// The brokers of the worker: those there are, a trial of another one, and defining it.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { BrokerDefinition } from '../../domain/broker-definition.ts';
import type { BrokerTestStep, BrokerView } from '../../domain/ports/brokers.ts';
import { call } from './call.ts';

export type NewBroker = BrokerDefinition & { readonly name: string };

export interface BrokerTest {
  readonly ok: boolean;
  readonly steps: readonly BrokerTestStep[];
}

export function useBrokers() {
  return useQuery({
    queryKey: ['brokers'],
    queryFn: async ({ signal }) => (await call<BrokerView[]>('GET', '/brokers', { signal })).data,
  });
}

/** Connects once; nothing is kept. */
export function useTestBroker() {
  return useMutation({
    mutationFn: async (broker: NewBroker) => (await call<BrokerTest>('POST', '/brokers/test', { body: broker })).data,
  });
}

export function useAddBroker() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: async (broker: NewBroker) => (await call<BrokerView>('POST', '/brokers', { body: broker })).data,
    onSettled: () =>
      Promise.all([
        queries.invalidateQueries({ queryKey: ['brokers'] }),
        queries.invalidateQueries({ queryKey: ['status'] }),
        // Its form lists them.
        queries.invalidateQueries({ queryKey: ['connectors'] }),
      ]),
  });
}
