// The connectors that the bridge offers, with the schema of their configuration.
import { useQuery } from '@tanstack/react-query';
import type { FormSchema } from '../forms/schema.ts';
import { call } from './call.ts';

export interface Connector {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly connection: { readonly configurationSchema: FormSchema };
}

export function useConnectors() {
  return useQuery({
    queryKey: ['connectors'],
    queryFn: async ({ signal }) => (await call<Connector[]>('GET', '/connectors', { signal })).data,
    staleTime: Number.POSITIVE_INFINITY,
  });
}
