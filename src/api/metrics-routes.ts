// Routes of numbers: the metrics page for Prometheus, and how much of HERE each app ID uses.
import Type from 'typebox';
import type { ApiApp } from './app.ts';
import { component } from './components.ts';
import { Count, DateTime, Nullable } from './fields.ts';
import type { ApiPorts } from './routes.ts';

const PeriodSchema = component(
  'PeriodUse',
  Type.Object({
    requests: Count,
    records: Count,
    refused: Type.Integer({ minimum: 0, description: 'Answered 429 or 503.' }),
  }),
);

const UsageSchema = component(
  'HereUsage',
  Type.Object(
    {
      host: Type.String(),
      appId: Type.String(),
      since: DateTime,
      lastMinute: PeriodSchema,
      lastHour: PeriodSchema,
      lastDay: PeriodSchema,
      limit: Nullable(Type.Object({ requests: Count, periodMs: Count, remaining: Nullable(Count), toldAt: DateTime })),
      permits: Type.Record(Type.String(), Type.Number()),
      requestsPerSecond: Nullable(Type.Number()),
      pausedMs: Type.Number(),
      results: Type.Record(Type.String(), Count),
      records: Count,
      recordsInDoubt: Type.Integer({
        minimum: 0,
        description: 'Sent again since no answer came: HERE may have them twice.',
      }),
    },
    { description: 'What this worker uses of one app ID, shared by all connections on it.' },
  ),
);

/** `/metrics` is registered at the root alone: scrapers know no base path. */
export function metricsRoutes(
  app: ApiApp,
  { metrics, metricsPublic, usage }: Pick<ApiPorts, 'metrics' | 'metricsPublic' | 'usage'>,
): void {
  if (app.prefix === '') {
    app.get(
      '/metrics',
      {
        config: { right: metricsPublic ? 'open' : 'metrics:read', produces: ['text/plain'] },
        schema: { tags: ['Metrics'], summary: 'For Prometheus', response: { 200: Type.String() } },
      },
      async (_request, reply) => {
        const { contentType, text } = await metrics.read();
        return reply.type(contentType).send(text);
      },
    );
  }
  app.get(
    '/here/usage',
    {
      config: { right: 'here:read' },
      schema: {
        tags: ['HERE'],
        summary: 'Requests and records of each app ID against the limits that HERE tells',
        response: { 200: Type.Array(UsageSchema) },
      },
    },
    async () =>
      usage().map(({ durations: _, since, limit, ...rest }) => ({
        ...rest,
        since: new Date(since).toISOString(),
        limit: limit === null ? null : { ...limit, toldAt: new Date(limit.toldAt).toISOString() },
      })),
  );
}
