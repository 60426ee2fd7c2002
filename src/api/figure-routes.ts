// `GET /connections/{id}/metrics`: what passed in the last hour or day, step by step.
import Type from 'typebox';
import { FIGURES } from '../domain/ports/figures.ts';
import type { ApiApp } from './app.ts';
import { component } from './components.ts';
import { noConnection } from './connection-routes.ts';
import { ByConnection, Count, DateTime } from './fields.ts';
import { notFound } from './problem.ts';
import type { ApiPorts } from './routes.ts';

const COUNTS = Object.fromEntries(FIGURES.map((figure) => [figure, Count])) as Record<
  (typeof FIGURES)[number],
  typeof Count
>;
const HourAndDay = Type.Object({ hour: Count, day: Count });

const SeriesSchema = component(
  'ConnectionMetrics',
  Type.Object({
    period: Type.Enum(['1h', '1d']),
    stepMs: Count,
    points: Type.Array(Type.Object({ time: DateTime, ...COUNTS }), {
      description: 'The oldest first; steps in which the worker was down are left out.',
    }),
    total: Type.Object(COUNTS, { description: 'Of the whole period.' }),
    activeThings: HourAndDay,
  }),
);

export function figureRoutes(app: ApiApp, { control, figures }: Pick<ApiPorts, 'control' | 'figures'>): void {
  app.get(
    '/connections/:id/metrics',
    {
      config: { right: 'connections:read' },
      schema: {
        tags: ['Metrics'],
        summary: 'What passed in the last hour or day',
        params: ByConnection,
        querystring: Type.Object(
          { period: Type.Optional(Type.Enum(['1h', '1d'], { default: '1h' })) },
          { additionalProperties: false },
        ),
        response: { 200: SeriesSchema },
      },
    },
    async (request) => {
      const { id } = request.params;
      const { period = '1h' } = request.query;
      const series = figures.series(id, period === '1h' ? 'hour' : 'day');
      const present = figures.figures(id);
      if (series === null || present === null) {
        throw control.connection(id) === null ? noConnection(id) : notFound(`Connection ${id} is not running here`);
      }
      const { stepMs, points, total } = series;
      const shown = points.map(({ at, ...counts }) => ({ time: new Date(at).toISOString(), ...counts }));
      return { period, stepMs, points: shown, total, activeThings: present.activeThings };
    },
  );
}
