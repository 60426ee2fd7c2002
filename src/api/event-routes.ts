// Routes of events.
import Type from 'typebox';
import type { ApiApp } from './app.ts';
import { component } from './components.ts';
import { ConnectionId, Count, DateTime, Nullable } from './fields.ts';
import type { ApiPorts } from './routes.ts';

export const EventSchema = component(
  'Event',
  Type.Object(
    {
      id: Type.String({ description: 'Sorts by time within one worker.' }),
      time: DateTime,
      kind: Type.String(),
      severity: Type.Enum(['info', 'warning', 'error']),
      connectionId: Nullable(Type.String()),
      message: Type.String(),
      count: Count,
      key: Type.Optional(Type.String()),
      details: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
    },
    { description: 'What a person should know.' },
  ),
);

export function eventRoutes(app: ApiApp, { control }: Pick<ApiPorts, 'control'>): void {
  app.get(
    '/events',
    {
      config: { right: 'events:read' },
      schema: {
        tags: ['Events'],
        summary: 'Events, the latest first',
        querystring: Type.Object(
          {
            connectionId: Type.Optional(ConnectionId),
            limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 100 })),
          },
          { additionalProperties: false },
        ),
        response: { 200: Type.Array(EventSchema) },
      },
    },
    async (request) => {
      const { connectionId, limit = 100 } = request.query;
      return control.events(connectionId === undefined ? { limit } : { connectionId, limit });
    },
  );
}
