// Routes of the worker's own state.
import Type from 'typebox';
import type { ApiApp } from './app.ts';
import { component } from './components.ts';
import { Count, DateTime } from './fields.ts';
import type { ApiPorts } from './routes.ts';

const WorkerSchema = component(
  'Worker',
  Type.Object({
    worker: Type.String(),
    version: Type.String(),
    pid: Type.Integer(),
    startedAt: DateTime,
    dataDir: Type.String(),
    ready: Type.Boolean(),
    connections: Count,
    brokers: Type.Array(Type.Object({ name: Type.String(), kind: Type.String(), url: Type.String() })),
  }),
);

export function statusRoutes(app: ApiApp, { control }: Pick<ApiPorts, 'control'>): void {
  app.get(
    '/status',
    {
      config: { right: 'status:read' },
      schema: { tags: ['About'], summary: 'The worker that answers', response: { 200: WorkerSchema } },
    },
    async () => control.worker(),
  );
}
