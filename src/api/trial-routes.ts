// Routes to try before relying: a connection before it is saved, and an uplink without sending it.
import Type from 'typebox';
import { isPlainObject } from '../domain/plain-object.ts';
import { TEST_STEPS } from '../domain/ports/desk.ts';
import type { ApiApp } from './app.ts';
import { component } from './components.ts';
import { DefinitionInput, definitionIn } from './connection-schemas.ts';
import { ConnectionId, Nullable } from './fields.ts';
import { HERE_WAIT_MS } from './here-answers.ts';
import { notFound, Refusal } from './problem.ts';
import type { ApiPorts } from './routes.ts';

const strict = { additionalProperties: false } as const;

const TestSchema = component(
  'ConnectionTest',
  Type.Object({
    ok: Type.Boolean({ description: 'No step failed.' }),
    steps: Type.Array(
      Type.Object({
        step: Type.Enum([...TEST_STEPS]),
        result: Type.Enum(['ok', 'warning', 'failed', 'skipped']),
        message: Type.String(),
        errors: Type.Optional(Type.Array(Type.Object({ pointer: Type.String(), message: Type.String() }))),
        details: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
      }),
    ),
  }),
);

const TrySchema = Type.Object(
  {
    uplink: Type.Unknown({ description: 'As it comes from the broker: JSON, or a text for what is none.' }),
    topic: Type.Optional(Type.String({ minLength: 1, maxLength: 1000, description: 'The topic that it comes on.' })),
    connectionId: Type.Optional(ConnectionId),
    configuration: Type.Optional(
      Type.Record(Type.String(), Type.Unknown(), {
        description: "Fields in place of the connection's or the defaults.",
      }),
    ),
  },
  { ...strict, required: ['uplink'] },
);

const TriedSchema = component(
  'TriedUplink',
  Type.Object({
    device: Nullable(Type.String()),
    outcome: Nullable(Type.Record(Type.String(), Type.Unknown(), { description: 'Why there is no record.' })),
    records: Type.Array(Type.Unknown(), { description: 'As HERE would get them.' }),
    fields: Type.Array(
      Type.Object({
        field: Type.String(),
        rule: Nullable(Type.String({ description: 'The rule that gave it; null: none did.' })),
        value: Type.Unknown(),
        passedOver: Type.Array(Type.Object({ rule: Type.String(), why: Type.String() })),
      }),
    ),
    notes: Type.Array(Type.String()),
    notice: Nullable(Type.Record(Type.String(), Type.Unknown())),
  }),
);

const DEFAULT_TOPIC = 'mqtt/things/0000000000000000/uplink';

export function trialRoutes(app: ApiApp, { desk }: Pick<ApiPorts, 'desk'>): void {
  app.post(
    '/connections/test',
    {
      config: { right: 'connections:test' },
      schema: {
        tags: ['Connections'],
        summary: 'Try a definition before it is saved: log-in, project, quota, a dry look at the source',
        description:
          'With the id of a stored connection `*****` stands for its secrets. A pair that HERE refused once is not sent again.',
        querystring: Type.Object(
          {
            listenMs: Type.Optional(
              Type.Integer({
                minimum: 0,
                maximum: 10_000,
                default: 2000,
                description: 'How long to wait for a first uplink.',
              }),
            ),
          },
          strict,
        ),
        body: Type.Unknown(),
        bodyShown: DefinitionInput,
        response: { 200: TestSchema },
      },
    },
    async (request) => {
      const definition = definitionIn(request.body);
      const id = isPlainObject(definition) && typeof definition.id === 'string' ? definition.id : null;
      return desk.test(id, definition, request.query.listenMs ?? 2000, AbortSignal.timeout(HERE_WAIT_MS));
    },
  );

  app.post(
    '/uplinks/try',
    {
      config: { right: 'uplinks:try', audit: 'none' },
      schema: {
        tags: ['Messages'],
        summary: 'What HERE would get of an uplink, with the rule behind each field; nothing is sent',
        body: TrySchema,
        response: { 200: TriedSchema },
      },
    },
    async (request) => {
      const { uplink, topic = DEFAULT_TOPIC, connectionId, configuration } = request.body;
      const tried = desk.tryUplink({
        topic,
        payload: Buffer.from(typeof uplink === 'string' ? uplink : textOf(uplink), 'utf8'),
        ...(connectionId === undefined ? {} : { connectionId }),
        ...(configuration === undefined ? {} : { configuration }),
      });
      if (tried.kind === 'notFound') throw notFound(tried.message);
      if (tried.kind === 'invalid')
        throw new Refusal(400, 'The configuration does not validate', { errors: tried.errors });
      return tried.uplink;
    },
  );
}

/** What can be parsed may be nested too deep to be written again. */
function textOf(uplink: unknown): string {
  try {
    return JSON.stringify(uplink);
  } catch {
    const message = 'is nested too deep; send it as a text to see what the bridge makes of it';
    throw new Refusal(400, `The uplink ${message}`, { errors: [{ pointer: '/uplink', message }] });
  }
}
