// `GET /connections/{id}/positions`: where HERE last saw the devices of a connection's project, for a map.
import Type from 'typebox';
import type { DevicePosition } from '../domain/ports/here-questions.ts';
import type { ApiApp } from './app.ts';
import { component } from './components.ts';
import { readCursor, writeCursor } from './cursor.ts';
import { ByConnection, DateTime, Nullable } from './fields.ts';
import { answered, HERE_WAIT_MS } from './here-answers.ts';
import type { ApiPorts } from './routes.ts';

const PositionSchema = component(
  'DevicePosition',
  Type.Object(
    {
      device: Type.String(),
      reportedAt: Nullable(DateTime),
      position: Nullable(
        Type.Object({
          lat: Type.Number(),
          lng: Type.Number(),
          accuracy: Nullable(Type.Number({ description: 'Metres.' })),
        }),
      ),
    },
    { description: 'Where HERE last saw a device. Its last report may be later than the position.' },
  ),
);

export function positionRoutes(app: ApiApp, { desk }: Pick<ApiPorts, 'desk'>): void {
  app.get(
    '/connections/:id/positions',
    {
      config: { right: 'here:read' },
      schema: {
        tags: ['HERE'],
        summary: 'Where HERE last saw the devices of its project, asked of HERE now',
        description:
          'Costs a request to HERE for each page. With `after`, the latest `reportedAt` seen so far, only devices that have ' +
          'reported since.',
        params: ByConnection,
        querystring: Type.Object(
          {
            after: Type.Optional(DateTime),
            cursor: Type.Optional(
              Type.String({ minLength: 1, maxLength: 8000, description: '`next` of the page before.' }),
            ),
            limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 1000 })),
          },
          { additionalProperties: false },
        ),
        response: { 200: Type.Object({ positions: Type.Array(PositionSchema), next: Nullable(Type.String()) }) },
      },
    },
    async (request) => {
      const { after, cursor, limit = 1000 } = request.query;
      const query = {
        reportedAfter: after === undefined ? null : Date.parse(after),
        limit,
        cursor: cursor === undefined ? null : readCursor(cursor),
      };
      const page = answered(await desk.positions(request.params.id, query, AbortSignal.timeout(HERE_WAIT_MS)));
      return { positions: page.positions.map(shown), next: page.next === null ? null : writeCursor(page.next) };
    },
  );
}

function shown({ device, reportedAt, position }: DevicePosition): object {
  return { device, reportedAt: reportedAt === null ? null : new Date(reportedAt).toISOString(), position };
}
