// Routes of commands: list, show, send, cancel, their ledger; and the address where programs post downlinks.
import Type from 'typebox';
import { COMMAND_ORIGINS, COMMAND_STATES, type Command } from '../domain/command.ts';
import type { CommandRefusal } from '../domain/ports/commands.ts';
import type { ApiApp } from './app.ts';
import { component } from './components.ts';
import { ByConnection, ConnectionId, Count, Counts, DateTime, DevEui, Nullable } from './fields.ts';
import { notFound, Refusal } from './problem.ts';
import type { ApiPorts } from './routes.ts';

const CommandSchema = component(
  'Command',
  Type.Object(
    {
      id: Count,
      device: Type.String(),
      origin: Type.Enum([...COMMAND_ORIGINS]),
      version: Nullable(Count),
      state: Type.Enum([...COMMAND_STATES]),
      cause: Nullable(Type.String()),
      attempt: Type.Integer({ description: 'How often it was published.' }),
      correlationId: Nullable(Type.String()),
      port: Nullable(Count),
      confirmed: Type.Boolean(),
      desiredAt: DateTime,
      seenAt: DateTime,
      publishedAt: Nullable(DateTime),
      changedAt: DateTime,
      document: Type.Optional(Type.Unknown({ description: 'What was desired, or posted.' })),
    },
    { description: 'A desired change on its way to a device.' },
  ),
);

const LedgerSchema = component(
  'CommandLedger',
  Type.Object(
    {
      id: Type.String(),
      ledger: Type.Object({
        ...{ seen: Count, published: Count, waiting: Count, superseded: Count, refused: Count, expired: Count },
        ...{ cancelled: Count, ignored: Counts, fates: Counts },
      }),
      imbalance: Type.Integer({ description: '`seen` less all columns; 0: it balances.' }),
      off: Type.Integer({ description: '`waiting`, counted anew: how far it is off.' }),
    },
    { description: 'Where every command is; `seen` is the sum of the columns, `fates` are of the published ones.' },
  ),
);

const tags = ['Commands'];
const read = { right: 'commands:read' } as const;
const write = { right: 'commands:write' } as const;
const ByCommand = Type.Object({ id: ConnectionId, command: Type.Integer({ minimum: 1 }) });
/** HERE takes a shadow of 1000 bytes. */
const Desired = Type.Object(
  {
    device: DevEui,
    payload: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
    system: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  },
  { additionalProperties: false },
);
const SEND_MS = 12_000;

export function commandRoutes(app: ApiApp, { control }: Pick<ApiPorts, 'control'>): void {
  app.get(
    '/connections/:id/commands',
    {
      config: read,
      schema: {
        tags,
        summary: 'Commands, the latest first',
        params: ByConnection,
        querystring: Type.Object(
          {
            device: Type.Optional(DevEui),
            state: Type.Optional(Type.Enum([...COMMAND_STATES])),
            before: Type.Optional(Type.Integer({ minimum: 1 })),
            limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 100 })),
          },
          { additionalProperties: false },
        ),
        response: { 200: Type.Object({ commands: Type.Array(CommandSchema), next: Nullable(Count) }) },
      },
    },
    async (request) => {
      const { id } = request.params;
      const { device, state, before, limit = 100 } = request.query;
      const page = control.commands.list(id, {
        ...(device === undefined ? {} : { device: device.toUpperCase() }),
        ...(state === undefined ? {} : { states: [state] }),
        ...(before === undefined ? {} : { before }),
        limit,
      });
      if (page === null) throw notFound(`There is no connection ${id}`);
      return { commands: page.commands.map((command) => shown(command)), next: page.next };
    },
  );

  app.get(
    '/connections/:id/command-ledger',
    {
      config: read,
      schema: { tags, summary: 'Where every command is', params: ByConnection, response: { 200: LedgerSchema } },
    },
    async (request) => {
      const view = control.commands.ledger(request.params.id);
      if (view === null) throw notFound(`There is no connection ${request.params.id}`);
      return view;
    },
  );

  app.get(
    '/connections/:id/commands/:command',
    {
      config: read,
      schema: {
        ...{ tags, summary: 'One command with what was desired', params: ByCommand },
        response: { 200: CommandSchema },
      },
    },
    async (request) => {
      const { id, command } = request.params;
      const found = control.commands.get(id, command);
      if (found === null) throw notFound(`Connection ${id} has no command ${command}`);
      return { ...shown(found), document: documentOf(found) };
    },
  );

  app.post(
    '/connections/:id/commands',
    {
      config: write,
      schema: {
        ...{
          tags,
          summary: 'Write the desired shadow of a device at HERE, as an application does',
          params: ByConnection,
        },
        ...{ body: Desired, response: { 202: Type.Object({ version: Nullable(Count) }) } },
      },
    },
    async (request, reply) => {
      const { device, ...desired } = request.body;
      const outcome = await control.commands.send(request.params.id, device, desired, AbortSignal.timeout(SEND_MS));
      if (outcome.kind !== 'ok') throw refusalOf(outcome);
      return reply.code(202).send({ version: outcome.version });
    },
  );

  app.post(
    '/connections/:id/commands/:command/cancel',
    {
      config: write,
      schema: {
        ...{ tags, summary: 'Cancel a command that waits', params: ByCommand },
        response: { 200: CommandSchema },
      },
    },
    async (request) => {
      const outcome = control.commands.cancel(request.params.id, request.params.command);
      if (outcome.kind !== 'ok') throw refusalOf(outcome);
      return shown(outcome.command);
    },
  );

  app.post(
    '/connections/:id/downlink-address',
    {
      config: { ...write, keepsNothing: true },
      schema: {
        tags,
        summary: 'Make a new address for downlink messages',
        description: 'Shown this once; the one before is of no use from now on.',
        params: ByConnection,
        response: { 201: Type.Object({ uuid: Type.String(), path: Type.String() }) },
      },
    },
    async (request, reply) => {
      const outcome = control.commands.newAddress(request.params.id);
      if (outcome.kind !== 'ok') throw refusalOf(outcome);
      return reply.code(201).send({ uuid: outcome.uuid, path: `/downlinkMessages/${outcome.uuid}` });
    },
  );

  app.post(
    '/downlinkMessages/:uuid',
    {
      // The address itself is the right.
      config: { right: 'open' },
      schema: {
        tags,
        summary: 'Send a downlink',
        params: Type.Object({ uuid: Type.String({ pattern: '^[0-9A-Fa-f-]{36}$' }) }),
        body: Type.Object({ DevEUI_downlink: Type.Record(Type.String(), Type.Unknown()) }),
        response: { 202: Type.Object({ id: Count }) },
      },
    },
    async (request, reply) => {
      const outcome = control.commands.post(request.params.uuid, request.body);
      if (outcome.kind !== 'ok') throw refusalOf(outcome);
      return reply.code(202).send({ id: outcome.id });
    },
  );
}

const STATUS = { notFound: 404, conflict: 409, invalid: 400, tooOften: 429, unavailable: 503 } as const;

function refusalOf(refusal: CommandRefusal): Refusal {
  const wait = refusal.kind === 'tooOften' ? refusal.retryAfterS : refusal.kind === 'unavailable' ? 5 : null;
  return new Refusal(
    STATUS[refusal.kind],
    refusal.message,
    wait === null ? {} : { headers: { 'retry-after': `${wait}` } },
  );
}

function shown({ document: _document, era: _era, desiredAt, seenAt, publishedAt, changedAt, ...command }: Command) {
  return {
    ...command,
    desiredAt: isoTime(desiredAt),
    seenAt: isoTime(seenAt),
    publishedAt: publishedAt === null ? null : isoTime(publishedAt),
    changedAt: isoTime(changedAt),
  };
}

/** An application's or a program's own key stays theirs. */
function documentOf({ document }: Command): unknown {
  return JSON.parse(document === '' ? 'null' : document, (name, value: unknown) =>
    name === 'AS_KEY' ? '*****' : value,
  );
}

/** Times outside of what a Date can say are shown as 1970. */
function isoTime(ms: number): string {
  return new Date(Math.abs(ms) <= 8.64e15 ? ms : 0).toISOString();
}
