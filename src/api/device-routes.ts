// Routes of a connection's devices: those it has heard, those HERE does not take, and what HERE has stored of one.
import Type from 'typebox';
import type { SeenDevice } from '../domain/ports/figures.ts';
import type { ApiApp } from './app.ts';
import { component } from './components.ts';
import { noConnection } from './connection-routes.ts';
import { readCursor, writeCursor } from './cursor.ts';
import { ByConnection, ConnectionId, Count, DateTime, DevEui, Nullable } from './fields.ts';
import { answered, HERE_WAIT_MS } from './here-answers.ts';
import { notFound, type Refusal } from './problem.ts';
import type { ApiPorts } from './routes.ts';

const strict = { additionalProperties: false } as const;
const Cursor = Type.Optional(
  Type.String({ minLength: 1, maxLength: 8000, description: 'Of the header X-Next-Cursor.' }),
);
const ByDevice = Type.Object({ id: ConnectionId, device: DevEui });

const DeviceSchema = component(
  'Device',
  Type.Object(
    {
      device: Type.String(),
      firstSeen: DateTime,
      lastSeen: DateTime,
      uplinks: Count,
    },
    {
      description:
        'A device as this connection has heard it, since it is remembered; not those that its matchers leave out.',
    },
  ),
);

const ShadowSchema = component(
  'HereDevice',
  Type.Object(
    {
      device: Nullable(Type.String({ description: 'The external id: the DevEUI.' })),
      trackingId: Nullable(Type.String()),
      desired: Type.Unknown(),
      reported: Type.Unknown(),
    },
    { description: 'A device as HERE has it: its shadow as HERE gives it.' },
  ),
);

const UnknownSchema = Type.Object({
  device: Type.String(),
  reason: Type.String(),
  lastSeen: Nullable(DateTime),
});

const tags = ['Devices'];
const read = { right: 'devices:read' } as const;
const MAX_CREATE = 100;
const MAX_IGNORE = 1000;
const MAX_LOOKED_AT = 1000;

export function deviceRoutes(
  app: ApiApp,
  { control, figures, desk, devices }: Pick<ApiPorts, 'control' | 'figures' | 'desk' | 'devices'>,
): void {
  function notRunning(id: string): Refusal {
    return control.connection(id) === null ? noConnection(id) : notFound(`Connection ${id} is not running here`);
  }

  app.get(
    '/connections/:id/devices',
    {
      config: read,
      schema: {
        tags,
        summary: 'The devices that it has heard, in the order of DevEUIs',
        params: ByConnection,
        querystring: Type.Object(
          { cursor: Cursor, limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 100 })) },
          strict,
        ),
        response: { 200: Type.Array(DeviceSchema) },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const { cursor, limit = 100 } = request.query;
      const page = figures.devices(id, cursor === undefined ? null : readCursor(cursor), limit);
      if (page === null) throw notRunning(id);
      const last = page.at(-1);
      if (last !== undefined && page.length === limit) reply.header('x-next-cursor', writeCursor(last.device));
      return page.map(shown);
    },
  );

  app.get(
    '/connections/:id/devices/:device',
    { config: read, schema: { tags, summary: 'One', params: ByDevice, response: { 200: DeviceSchema } } },
    async (request) => {
      const { id, device } = request.params;
      const found = figures.device(id, device.toUpperCase());
      if (found !== null) return shown(found);
      throw control.connection(id) === null ? noConnection(id) : notFound(`Connection ${id} has not heard ${device}`);
    },
  );

  app.get(
    '/connections/:id/devices/:device/shadow',
    {
      config: { right: 'here:read' },
      schema: { tags, summary: 'Its shadow, asked of HERE now', params: ByDevice, response: { 200: ShadowSchema } },
    },
    async (request) => {
      const { id, device } = request.params;
      return answered(await desk.shadow(id, device.toUpperCase(), AbortSignal.timeout(HERE_WAIT_MS)));
    },
  );

  app.get(
    '/connections/:id/devices/:device/traces',
    {
      config: { right: 'here:read' },
      schema: {
        tags,
        summary: 'What HERE has stored of it, the latest first, asked of HERE now',
        description: 'HERE answers for 18 days at most; without `from` for the last 18 days before `to`.',
        params: ByDevice,
        querystring: Type.Object(
          {
            from: Type.Optional(DateTime),
            to: Type.Optional(DateTime),
            cursor: Cursor,
            limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 100 })),
          },
          strict,
        ),
        response: { 200: Type.Array(Type.Unknown()) },
      },
    },
    async (request, reply) => {
      const { id, device } = request.params;
      const { from, to, cursor, limit = 100 } = request.query;
      const query = {
        from: from === undefined ? null : Date.parse(from),
        to: to === undefined ? null : Date.parse(to),
        limit,
        cursor: cursor === undefined ? null : readCursor(cursor),
      };
      const signal = AbortSignal.timeout(HERE_WAIT_MS);
      const { traces, next } = answered(await desk.traces(id, device.toUpperCase(), query, signal));
      if (next !== null) reply.header('x-next-cursor', writeCursor(next));
      return traces;
    },
  );

  app.get(
    '/connections/:id/unknown-devices',
    {
      config: read,
      schema: {
        tags,
        summary: 'Devices whose uplinks HERE does not take, as far as recent ones are remembered',
        description:
          'Skipped because HERE does not know them and `createDevices` is off, or waiting for HERE to create them. Without those ' +
          'that are ignored or retired.',
        params: ByConnection,
        response: { 200: Type.Array(UnknownSchema) },
      },
    },
    async (request) => {
      const { id } = request.params;
      const page = control.messages.messages(id, { outcomes: ['skipped'], limit: MAX_LOOKED_AT });
      const activity = control.connection(id)?.activity ?? null;
      if (page === null || activity === null) throw notRunning(id);
      const found = new Map<string, { device: string; reason: string; lastSeen: string | null }>();
      for (const { device, reason } of activity.devicesWaiting.first)
        found.set(device, { device, reason, lastSeen: null });
      for (const { device, outcome, settledAt } of page.messages) {
        if (device === null || outcome?.kind !== 'skipped' || outcome.reason !== 'unknownDevice' || found.has(device))
          continue;
        const lastSeen = settledAt === null ? null : new Date(settledAt).toISOString();
        found.set(device, { device, reason: 'HERE does not know it, and createDevices is off', lastSeen });
      }
      for (const device of devices.retired(id) ?? []) found.delete(device);
      return [...found.values()].sort((a, b) => (a.device < b.device ? -1 : 1));
    },
  );

  app.post(
    '/connections/:id/unknown-devices/create',
    {
      config: { right: 'devices:write' },
      schema: {
        tags,
        summary: 'Create devices in HERE now',
        description: 'Claimed devices may be billed. Answers with one verdict each: created, known, or why not.',
        params: ByConnection,
        body: Type.Object({ devices: Type.Array(DevEui, { minItems: 1, maxItems: MAX_CREATE }) }, strict),
        response: { 200: Type.Record(Type.String(), Type.String()) },
      },
    },
    async (request) => {
      const devices = request.body.devices.map((device) => device.toUpperCase());
      return answered(await desk.create(request.params.id, devices, AbortSignal.timeout(HERE_WAIT_MS)));
    },
  );

  app.post(
    '/connections/:id/unknown-devices/ignore',
    {
      config: { right: 'devices:write' },
      schema: {
        tags,
        summary: 'Ignore devices: their uplinks are skipped, and they are listed no more',
        description: 'HERE is asked nothing. They are among the retired devices, and released there.',
        params: ByConnection,
        body: Type.Object({ devices: Type.Array(DevEui, { minItems: 1, maxItems: MAX_IGNORE }) }, strict),
        response: { 200: Type.Object({ ignored: Count }) },
      },
    },
    async (request) => {
      const { id } = request.params;
      const ignored = devices.ignore(
        id,
        request.body.devices.map((device) => device.toUpperCase()),
      );
      if (ignored === null) throw notRunning(id);
      return { ignored };
    },
  );
}

function shown({ device, firstAt, lastAt, uplinks }: SeenDevice): object {
  return { device, firstSeen: new Date(firstAt).toISOString(), lastSeen: new Date(lastAt).toISOString(), uplinks };
}
