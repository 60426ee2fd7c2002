// Routes of users, API tokens and the audit.
import Type from 'typebox';
import {
  PASSWORD_MAX_LENGTH,
  ROLES,
  TOKEN_ID_PATTERN,
  TOKEN_NAME_PATTERN,
  USER_NAME_PATTERN,
} from '../domain/access.ts';
import type { ApiApp } from './app.ts';
import { askerOf, throwUnless } from './asker.ts';
import { component } from './components.ts';
import { DateTime, Nullable } from './fields.ts';
import { notFound } from './problem.ts';
import type { ApiPorts } from './routes.ts';

const strict = { additionalProperties: false } as const;
const tags = ['Access'];
const DAY_MS = 86_400_000;
const Role = Type.Enum([...ROLES]);
const Name = Type.String({ pattern: USER_NAME_PATTERN, examples: ['anna'] });
const Password = Type.String({
  minLength: 1,
  maxLength: 4 * PASSWORD_MAX_LENGTH,
  description: 'At least 15 characters; a few words do well.',
});
const Part = Type.Optional(
  Type.String({ minLength: 1, maxLength: 200, description: 'A part of it; capitals do not matter.' }),
);
const ByName = Type.Object({ name: Name });

const UserSchema = component('User', Type.Object({ name: Name, role: Role, createdAt: DateTime, changedAt: DateTime }));

const TokenSchema = component(
  'Token',
  Type.Object({
    id: Type.String(),
    name: Type.String(),
    role: Role,
    owner: Nullable(Type.String()),
    createdAt: DateTime,
    expiresAt: Nullable(DateTime),
    lastUsedAt: Nullable(DateTime),
  }),
);

const AuditSchema = component(
  'AuditEntry',
  Type.Object({
    id: Type.String(),
    time: DateTime,
    who: Type.String(),
    kind: Type.String(),
    action: Type.String(),
    target: Nullable(Type.String()),
    outcome: Type.Enum(['done', 'refused']),
    from: Nullable(Type.String()),
    detail: Nullable(Type.String()),
  }),
);

export function userRoutes(app: ApiApp, { access }: Pick<ApiPorts, 'access'>): void {
  app.get(
    '/users',
    {
      config: { right: 'users:read' },
      schema: { tags, summary: 'All users', response: { 200: Type.Array(UserSchema) } },
    },
    async () => access.users(),
  );

  app.get(
    '/users/:name',
    {
      config: { right: 'users:read' },
      schema: { tags, summary: 'One user', params: ByName, response: { 200: UserSchema } },
    },
    async ({ params }) => {
      const user = access.users().find(({ name }) => name.toLowerCase() === params.name.toLowerCase());
      if (user === undefined) throw notFound(`There is no user ${params.name}`);
      return user;
    },
  );

  app.post(
    '/users',
    {
      config: { right: 'users:write', audit: 'own', keepsNothing: true },
      schema: {
        tags,
        summary: 'Add a user',
        description: 'The first one must be an administrator; from then on everybody has to log in.',
        body: Type.Object({ name: Name, role: Role, password: Password }, strict),
        response: { 201: UserSchema },
      },
    },
    async (request, reply) => {
      const user = throwUnless(await access.addUser(askerOf(request), request.body), 'user');
      return reply
        .code(201)
        .header('location', `/users/${encodeURIComponent(user.name)}`)
        .send(user);
    },
  );

  app.patch(
    '/users/:name',
    {
      config: { right: 'users:write', audit: 'own' },
      schema: {
        tags,
        summary: 'Change a user’s role or password',
        description: 'Ends all sessions of the user.',
        params: ByName,
        body: Type.Object(
          { role: Type.Optional(Role), password: Type.Optional(Password) },
          { ...strict, minProperties: 1 },
        ),
        response: { 200: UserSchema },
      },
    },
    async (request) =>
      throwUnless(await access.changeUser(askerOf(request), request.params.name, request.body), 'user'),
  );

  app.delete(
    '/users/:name',
    {
      config: { right: 'users:write', audit: 'own' },
      schema: {
        tags,
        summary: 'Remove a user, with sessions and tokens',
        params: ByName,
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      throwUnless(await access.removeUser(askerOf(request), request.params.name), 'user');
      return reply.code(204).send();
    },
  );
}

export function tokenRoutes(app: ApiApp, { access }: Pick<ApiPorts, 'access'>): void {
  app.get(
    '/tokens',
    {
      config: { right: 'tokens:own' },
      schema: {
        tags,
        summary: 'One’s own API tokens; for administrators all',
        response: { 200: Type.Array(TokenSchema) },
      },
    },
    async (request) => access.tokens(askerOf(request)),
  );

  app.post(
    '/tokens',
    {
      config: { right: 'tokens:own', audit: 'own', keepsNothing: true },
      schema: {
        tags,
        summary: 'Make an API token',
        description: '`token` is shown this once. It may do what its role may, and never more than its owner may.',
        body: Type.Object(
          {
            name: Type.String({ pattern: TOKEN_NAME_PATTERN, examples: ['ci'] }),
            role: Role,
            expiresInDays: Type.Optional(
              Nullable(Type.Integer({ minimum: 1, maximum: 3650, description: '90 by default; null: never.' })),
            ),
          },
          strict,
        ),
        response: { 201: Type.Object({ ...TokenSchema.properties, token: Type.String() }) },
      },
    },
    async (request, reply) => {
      const { name, role, expiresInDays = 90 } = request.body;
      const expiresInMs = expiresInDays === null ? null : expiresInDays * DAY_MS;
      const { view, secret } = throwUnless(
        await access.issueToken(askerOf(request), { name, role, expiresInMs }),
        'token',
      );
      return reply
        .code(201)
        .header('location', `/tokens/${view.id}`)
        .send({ ...view, token: secret });
    },
  );

  app.delete(
    '/tokens/:id',
    {
      config: { right: 'tokens:own', audit: 'own' },
      schema: {
        tags,
        summary: 'Revoke an API token',
        params: Type.Object({ id: Type.String({ pattern: TOKEN_ID_PATTERN }) }),
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      throwUnless(await access.revokeToken(askerOf(request), request.params.id), 'token');
      return reply.code(204).send();
    },
  );
}

export function auditRoutes(app: ApiApp, { audit }: Pick<ApiPorts, 'audit'>): void {
  app.get(
    '/audit',
    {
      config: { right: 'audit:read' },
      schema: {
        tags,
        summary: 'Who changed what, the latest first',
        querystring: Type.Object(
          {
            limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 100 })),
            before: Type.Optional(
              Type.String({ pattern: '^[0-9a-z-]{1,40}$', description: 'Entries before the one with this id.' }),
            ),
            who: Part,
            action: Part,
            target: Part,
            outcome: Type.Optional(Type.Enum(['done', 'refused'])),
            from: Type.Optional(DateTime),
            to: Type.Optional(DateTime),
          },
          strict,
        ),
        response: { 200: Type.Array(AuditSchema) },
      },
    },
    async ({ query: { limit = 100, before, from, to, ...parts } }) =>
      audit.list({
        limit,
        ...parts,
        ...(before === undefined ? {} : { beforeId: before }),
        ...(from === undefined ? {} : { from: new Date(from).toISOString() }),
        ...(to === undefined ? {} : { to: new Date(to).toISOString() }),
      }),
  );
}
