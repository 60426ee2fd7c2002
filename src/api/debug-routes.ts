// Routes of the detailed log of one connection.
import Type from 'typebox';
import { MAX_DEBUG_HOURS } from '../domain/ports/debug.ts';
import type { ApiApp } from './app.ts';
import { component } from './components.ts';
import { noConnection } from './connection-routes.ts';
import { ByConnection, DateTime, Nullable } from './fields.ts';
import type { ApiPorts } from './routes.ts';

const DebugSchema = component(
  'DebugLog',
  Type.Object({
    until: Nullable(Type.String({ format: 'date-time', description: 'When it turns itself off; null: it is off.' })),
    lines: Type.Array(
      Type.Object({
        time: DateTime,
        what: Type.Enum(['uplink', 'outcome', 'status', 'event', 'leftOut']),
        details: Type.Unknown(),
      }),
    ),
  }),
);

const config = { right: 'connections:debug' } as const;
const tags = ['Connections'];

export function debugRoutes(app: ApiApp, { control, debug }: Pick<ApiPorts, 'control' | 'debug'>): void {
  app.post(
    '/connections/:id/debug',
    {
      config,
      schema: {
        tags,
        summary: 'Log it in detail for some hours',
        description:
          'Each uplink with its record and rules, each final word, states and events: in the worker’s log and in `GET`. Secrets are ' +
          'masked. It turns itself off; 0 does at once.',
        params: ByConnection,
        body: Type.Object(
          { hours: Type.Number({ minimum: 0, maximum: MAX_DEBUG_HOURS, description: 'From now; 0: off.' }) },
          { additionalProperties: false },
        ),
        response: { 200: DebugSchema },
      },
    },
    async (request) => {
      const { id } = request.params;
      if (control.connection(id) === null) throw noConnection(id);
      return debug.set(id, request.body.hours);
    },
  );

  app.get(
    '/connections/:id/debug',
    {
      config,
      schema: {
        tags,
        summary: 'The latest lines of its detailed log',
        params: ByConnection,
        response: { 200: DebugSchema },
      },
    },
    async (request) => {
      const { id } = request.params;
      if (control.connection(id) === null) throw noConnection(id);
      return debug.view(id);
    },
  );
}
