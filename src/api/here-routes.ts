// Routes that ask HERE: the projects of an account, and the devices of a connection's project as HERE lists them.
import Type from 'typebox';
import type { ListedProject } from '../domain/ports/here-questions.ts';
import type { ApiApp } from './app.ts';
import { component } from './components.ts';
import { readCursor, writeCursor } from './cursor.ts';
import { ConnectionId, Count, DateTime, Nullable } from './fields.ts';
import { answered, HERE_WAIT_MS } from './here-answers.ts';
import type { ApiPorts } from './routes.ts';

const strict = { additionalProperties: false } as const;

const ProjectSchema = component(
  'HereProject',
  Type.Object({
    appId: Type.String(),
    projectId: Nullable(Type.String()),
    projectName: Type.String(),
    type: Nullable(Type.String({ description: 'HERE’s word for the kind of licence.' })),
    isExpired: Type.Boolean(),
    endsAt: Nullable(DateTime),
    devicesLeft: Nullable(Count),
  }),
);

const Credentials = Type.Object(
  {
    email: Type.String({ minLength: 3, maxLength: 254 }),
    password: Type.String({ minLength: 1, maxLength: 4096 }),
    realm: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })),
    service: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
  },
  strict,
);

const HereDevices = Type.Array(
  Type.Object({
    device: Nullable(Type.String()),
    trackingId: Nullable(Type.String()),
    desired: Type.Unknown(),
    reported: Type.Unknown(),
    lastSeen: Nullable(
      Type.String({ description: 'When the connection last heard it; null: never, as far as remembered.' }),
    ),
  }),
);

const tags = ['HERE'];

export function hereRoutes(app: ApiApp, { desk, figures }: Pick<ApiPorts, 'desk' | 'figures'>): void {
  app.get(
    '/here/projects',
    {
      config: { right: 'here:read' },
      schema: {
        tags,
        summary: "The tracking projects of a connection's account",
        querystring: Type.Object({ connectionId: ConnectionId }, strict),
        response: { 200: Type.Array(ProjectSchema) },
      },
    },
    async (request) => {
      const signal = AbortSignal.timeout(HERE_WAIT_MS);
      return answered(await desk.projectsOf(request.query.connectionId, signal)).map(shown);
    },
  );

  app.post(
    '/here/projects',
    {
      config: { right: 'connections:test' },
      schema: {
        tags,
        summary: 'The tracking projects of an account that is not saved yet',
        description: 'Logs in once at most; a pair that HERE refused before is not sent again.',
        body: Credentials,
        response: { 200: Type.Array(ProjectSchema) },
      },
    },
    async (request) => answered(await desk.projects(request.body, AbortSignal.timeout(HERE_WAIT_MS))).map(shown),
  );

  app.get(
    '/here/devices',
    {
      config: { right: 'here:read' },
      schema: {
        tags,
        summary: "The devices of a connection's project as HERE lists them, beside what was heard",
        querystring: Type.Object(
          {
            connectionId: ConnectionId,
            cursor: Type.Optional(Type.String({ minLength: 1, maxLength: 8000 })),
            limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 100 })),
          },
          strict,
        ),
        response: { 200: HereDevices },
      },
    },
    async (request, reply) => {
      const { connectionId, cursor, limit = 100 } = request.query;
      const after = cursor === undefined ? null : readCursor(cursor);
      const page = answered(await desk.devices(connectionId, limit, after, AbortSignal.timeout(HERE_WAIT_MS)));
      if (page.next !== null) reply.header('x-next-cursor', writeCursor(page.next));
      return page.devices.map((device) => {
        const seen = device.device === null ? null : figures.device(connectionId, device.device.toUpperCase());
        return { ...device, lastSeen: seen === null ? null : new Date(seen.lastAt).toISOString() };
      });
    },
  );
}

function shown({ endsAt, ...project }: ListedProject): object {
  return { ...project, endsAt: endsAt === null ? null : new Date(endsAt).toISOString() };
}
