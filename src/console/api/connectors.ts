// The connectors that the bridge offers, with the schema of their configuration.
import { useQuery } from '@tanstack/react-query';
import type { FormSchema } from '../forms/schema.ts';
import { text } from '../text/text.ts';
import { call } from './call.ts';

export interface Connector {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly connection: { readonly configurationSchema: FormSchema };
}

/** In the reader's language; English is what the bridge says. */
function inWords(connector: Connector): Connector {
  const { configurationSchema: schema } = connector.connection;
  const properties = Object.entries(schema.properties).map(([name, field]) => {
    const words = text.fields[name];
    return [name, words === undefined ? field : { ...field, title: words.title, description: words.info }] as const;
  });
  return {
    ...connector,
    description: text.connector || connector.description,
    connection: { configurationSchema: { ...schema, properties: Object.fromEntries(properties) } },
  };
}

export function useConnectors() {
  return useQuery({
    queryKey: ['connectors'],
    queryFn: async ({ signal }) => (await call<Connector[]>('GET', '/connectors', { signal })).data.map(inWords),
    staleTime: Number.POSITIVE_INFINITY,
  });
}
