// Routes of brokers: those of the configuration are shown, others are defined, tried, changed and deleted.
import type { FastifyReply, FastifyRequest } from 'fastify';
import Type from 'typebox';
import { BROKER_NAME_PATTERN, KafkaDefinitionSchema, MqttDefinitionSchema } from '../domain/broker-definition.ts';
import { isPlainObject } from '../domain/plain-object.ts';
import type { BrokerOutcome, BrokerView } from '../domain/ports/brokers.ts';
import type { ApiApp } from './app.ts';
import { component } from './components.ts';
import { Nullable } from './fields.ts';
import { conditionOf, conflictStatus, etagOf } from './preconditions.ts';
import { notFound, Refusal } from './problem.ts';
import type { ApiPorts } from './routes.ts';

const BrokerName = Type.String({ pattern: BROKER_NAME_PATTERN });
const ByName = Type.Object({ name: BrokerName });

const BrokerSchema = component(
  'Broker',
  Type.Object({
    name: Type.String(),
    kind: Type.String({ description: 'mqtt, kafka or embedded.' }),
    url: Type.String(),
    origin: Type.Enum(['configuration', 'api'], { description: '`configuration`: read only here.' }),
    revision: Nullable(Type.String({ description: 'The ETag without its quotes.' })),
    definition: Nullable(
      Type.Record(Type.String(), Type.Unknown(), { description: 'Password and key are shown as `*****`.' }),
    ),
    usedBy: Type.Array(Type.String(), { description: 'Connections that name it, 100 at most.' }),
  }),
);

const DefinitionInput = component(
  'BrokerDefinition',
  Type.Union([MqttDefinitionSchema, KafkaDefinitionSchema], {
    description: 'Certificates are PEM texts. Where it may be: `brokerDefinitions.hosts` of the configuration.',
  }),
);

const TestSchema = component(
  'BrokerTest',
  Type.Object({
    ok: Type.Boolean(),
    steps: Type.Array(
      Type.Object({
        step: Type.Enum(['definition', 'address', 'connect']),
        result: Type.Enum(['ok', 'failed', 'skipped']),
        message: Type.String(),
        errors: Type.Optional(Type.Array(Type.Object({ pointer: Type.String(), message: Type.String() }))),
      }),
    ),
  }),
);

const tags = ['Brokers'];
const read = { right: 'brokers:read' } as const;
const write = { right: 'brokers:write' } as const;
const TEST_MS = 15_000;

export function brokerRoutes(app: ApiApp, { brokers }: Pick<ApiPorts, 'brokers'>): void {
  app.get(
    '/brokers',
    {
      config: read,
      schema: { tags, summary: 'The brokers of this worker', response: { 200: Type.Array(BrokerSchema) } },
    },
    async () => brokers.list(),
  );

  app.get(
    '/brokers/:name',
    { config: read, schema: { tags, summary: 'One', params: ByName, response: { 200: BrokerSchema } } },
    async (request, reply) => shown(request.params.name, reply),
  );

  app.post(
    '/brokers',
    {
      config: { ...write, keepsNothing: true },
      schema: {
        tags,
        summary: 'Define one',
        description: 'Answers when the config topic has it; every worker applies it without a restart.',
        body: Type.Unknown(),
        bodyShown: DefinitionInput,
        response: { 201: BrokerSchema },
      },
    },
    async (request, reply) => {
      const name = isPlainObject(request.body) ? request.body.name : undefined;
      if (typeof name !== 'string') {
        const errors = [{ pointer: '/name', message: name === undefined ? 'is missing' : 'must be a text' }];
        throw new Refusal(400, 'A broker needs a name', { errors });
      }
      const outcome = await brokers.put(name, request.body, { exists: false });
      if (outcome.kind !== 'ok') throw refused(request, name, outcome, 'post');
      return created(name, reply);
    },
  );

  app.put(
    '/brokers/:name',
    {
      config: write,
      schema: {
        tags,
        summary: 'Replace one, or define it under this name',
        description:
          '`*****` keeps the stored secret, as long as the address, its TLS settings and the mechanism stay. Connections that use it connect anew. An address of another broker is better given ' +
          'another name: the sessions at the former one are not ended.',
        params: ByName,
        body: Type.Unknown(),
        bodyShown: DefinitionInput,
        response: { 200: BrokerSchema, 201: BrokerSchema },
      },
    },
    async (request, reply) => {
      const { name } = request.params;
      const condition = conditionOf(request, brokers.get(name)?.revision ?? null);
      const outcome = await brokers.put(name, request.body, condition);
      if (outcome.kind !== 'ok') throw refused(request, name, outcome, 'change');
      return outcome.created ? created(name, reply) : shown(name, reply);
    },
  );

  app.delete(
    '/brokers/:name',
    {
      config: write,
      schema: {
        tags,
        summary: 'Delete one that no connection uses',
        params: ByName,
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      const { name } = request.params;
      const condition = conditionOf(request, brokers.get(name)?.revision ?? null);
      const outcome = await brokers.remove(name, condition);
      if (outcome.kind !== 'ok') throw refused(request, name, outcome, 'change');
      await reply.code(204).send();
    },
  );

  app.post(
    '/brokers/test',
    {
      config: { ...write, audit: 'none', keepsNothing: true },
      schema: {
        tags,
        summary: 'Try one before it is defined',
        description:
          'Connects once and leaves nothing behind. With `name`, `*****` stands for what is stored of that broker, as in PUT.',
        body: Type.Unknown(),
        bodyShown: DefinitionInput,
        response: { 200: TestSchema },
      },
    },
    async (request) => {
      const name = isPlainObject(request.body) && typeof request.body.name === 'string' ? request.body.name : null;
      const steps = await brokers.test(name, request.body, AbortSignal.timeout(TEST_MS));
      return { ok: steps.every(({ result }) => result === 'ok'), steps };
    },
  );

  function shown(name: string, reply: FastifyReply): BrokerView {
    const view = brokers.get(name);
    if (view === null) throw notFound(`There is no broker ${name}`);
    if (view.revision !== null) reply.header('etag', etagOf(view.revision));
    return view;
  }

  function created(name: string, reply: FastifyReply): BrokerView {
    const view = shown(name, reply);
    reply.code(201).header('location', `${app.prefix}/brokers/${name}`);
    return view;
  }
}

/** One of the configuration is there already for who defines it, and only to be read for who changes it. */
function refused(
  request: FastifyRequest,
  name: string,
  outcome: Exclude<BrokerOutcome, { kind: 'ok' }>,
  what: 'post' | 'change',
): Refusal {
  switch (outcome.kind) {
    case 'notFound':
      return notFound(`There is no broker ${name}`);
    case 'readOnly':
      return what === 'post'
        ? new Refusal(409, outcome.message)
        : new Refusal(405, outcome.message, { headers: { allow: 'GET' } });
    case 'inUse':
      return new Refusal(409, outcome.message);
    case 'conflict':
      return new Refusal(conflictStatus(request), outcome.message);
    case 'unavailable':
      return new Refusal(503, outcome.message, { headers: { 'retry-after': '5' } });
    case 'invalid':
      return new Refusal(400, 'The broker does not validate', { errors: outcome.errors });
  }
}
