// `/health/live` and `/health/ready` for supervisors and load balancers: open to all, saying nothing else.
import Type from 'typebox';
import type { ApiApp } from './app.ts';
import type { ApiPorts } from './routes.ts';

const tags = ['Health'];

export function healthRoutes(app: ApiApp, { isReady }: Pick<ApiPorts, 'isReady'>): void {
  app.get(
    '/health/live',
    {
      config: { right: 'open' },
      schema: {
        tags,
        summary: 'The process answers',
        response: { 200: Type.Object({ status: Type.Literal('live') }) },
      },
    },
    async () => ({ status: 'live' }),
  );
  app.get(
    '/health/ready',
    {
      config: { right: 'open' },
      schema: {
        tags,
        summary: 'The config topic is read',
        response: {
          200: Type.Object({ status: Type.Literal('ready') }),
          503: Type.Object({ status: Type.Literal('notReady') }),
        },
      },
    },
    async (_request, reply) => {
      return isReady() ? { status: 'ready' } : reply.code(503).send({ status: 'notReady' });
    },
  );
}
