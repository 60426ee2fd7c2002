// Routes of connectors: the kinds of connection, with the JSON schema of their configuration for editors and forms.
import Type from 'typebox';
import { CONNECTOR_ID } from '../domain/connection.ts';
import type { ApiApp } from './app.ts';
import { ConfigurationInput } from './connection-schemas.ts';
import { notFound } from './problem.ts';
import type { ApiPorts } from './routes.ts';

const ConnectorSchema = Type.Object({
  id: Type.String(),
  producerId: Type.String(),
  moduleId: Type.String(),
  version: Type.String(),
  name: Type.String(),
  description: Type.String(),
  connection: Type.Object({
    configurationSchema: Type.Record(Type.String(), Type.Unknown(), {
      description:
        'JSON schema (2020-12). Fields carry `title`, `description`, `default`, `x-group` (basic, advanced) and `x-control`.',
    }),
  }),
  flow: Type.Record(Type.String(), Type.Unknown()),
});

const tags = ['Connectors'];
const config = { right: 'connectors:read' } as const;

export function connectorRoutes(app: ApiApp, { version, names }: Pick<ApiPorts, 'version' | 'names'>): void {
  const connector = (): object => ({
    id: CONNECTOR_ID,
    producerId: 'actility',
    moduleId: 'here-iot',
    version,
    name: 'HERE Technologies',
    description: 'Sends the positions and measurements of LoRaWAN devices to HERE Tracking.',
    connection: { configurationSchema: configurationSchema(names()) },
    flow: {},
  });

  app.get(
    '/connectors',
    { config, schema: { tags, summary: 'All connectors', response: { 200: Type.Array(ConnectorSchema) } } },
    async () => [connector()],
  );

  app.get(
    '/connectors/:connector',
    {
      config,
      schema: {
        tags,
        summary: 'One',
        params: Type.Object({ connector: Type.String({ examples: [CONNECTOR_ID] }) }),
        response: { 200: ConnectorSchema },
      },
    },
    async (request) => {
      if (request.params.connector === CONNECTOR_ID) return connector();
      throw notFound(`There is no such connector; there is ${CONNECTOR_ID}`);
    },
  );
}

/** The worker's own names in it, so that a form offers them. */
function configurationSchema(names: ReturnType<ApiPorts['names']>): object {
  const schema = structuredClone(ConfigurationInput) as unknown as {
    properties: Record<string, { enum?: readonly string[]; properties?: Record<string, { enum?: readonly string[] }> }>;
  };
  const { service, source } = schema.properties;
  if (service !== undefined) service.enum = names.services;
  const broker = source?.properties?.broker;
  if (broker !== undefined) broker.enum = names.brokers;
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: `urn:here-bridge:${CONNECTOR_ID}:configuration`,
    // ThingPark's name for it.
    id: 'urn:jsonschema:com:actility:here-iot:configuration',
    title: 'Configuration of a HERE connection',
    ...schema,
  };
}
