// Routes of one's own session and password: logging in, who am I, logging out.
import Type from 'typebox';
import { PASSWORD_MAX_LENGTH, ROLES } from '../domain/access.ts';
import type { ApiApp } from './app.ts';
import { askerOf, throwUnless } from './asker.ts';
import { sessionCookie, sessionOf } from './authenticate.ts';
import { component } from './components.ts';
import { Nullable } from './fields.ts';
import { Refusal } from './problem.ts';
import type { ApiPorts } from './routes.ts';

const strict = { additionalProperties: false } as const;
const tags = ['Access'];
const Password = Type.String({ minLength: 1, maxLength: 4 * PASSWORD_MAX_LENGTH });

const SessionSchema = component(
  'Session',
  Type.Object(
    {
      name: Type.String({ description: 'Whom the bridge takes you for.' }),
      kind: Type.Enum(['session', 'token', 'oidc', 'local', 'open']),
      role: Type.Enum([...ROLES]),
      user: Nullable(Type.String()),
      hasUsers: Type.Boolean({ description: 'False: nobody has to log in.' }),
    },
    { description: 'Who asks. `open`: this bridge has no users, so everybody on this machine is administrator.' },
  ),
);

export function sessionRoutes(app: ApiApp, { access, cookies }: Pick<ApiPorts, 'access' | 'cookies'>): void {
  app.get(
    '/session',
    { config: { right: 'session:own' }, schema: { tags, summary: 'Who am I?', response: { 200: SessionSchema } } },
    async (request) => shown(askerOf(request).principal),
  );

  app.post(
    '/session',
    {
      config: { right: 'open', audit: 'own', keepsNothing: true },
      schema: {
        tags,
        summary: 'Log in',
        description: 'Answers a cookie for browsers (HttpOnly, SameSite=Strict). Programs use API tokens.',
        body: Type.Object({ name: Type.String({ minLength: 1, maxLength: 256 }), password: Password }, strict),
        response: { 200: SessionSchema },
      },
    },
    async (request, reply) => {
      const { name, password } = request.body;
      const answer = await access.logIn(name, password, request.ip);
      if (answer.kind === 'limited') {
        const seconds = String(Math.ceil(answer.retryAfterMs / 1000));
        const message = `Too many attempts to log in; the next one in ${seconds} s`;
        throw new Refusal(429, message, { headers: { 'retry-after': seconds } });
      }
      // One answer for a wrong name and a wrong password: neither tells which names there are.
      if (answer.kind === 'refused') throw new Refusal(401, 'The name or the password is wrong');
      reply.header('set-cookie', sessionCookie(cookies, answer.session));
      return shown(answer.principal);
    },
  );

  app.delete(
    '/session',
    {
      config: { right: 'session:own', audit: 'own' },
      schema: { tags, summary: 'Log out', response: { 204: Type.Null() } },
    },
    async (request, reply) => {
      const session = sessionOf(request, cookies);
      if (session !== undefined) await access.logOut(session, askerOf(request));
      return reply
        .header('set-cookie', sessionCookie(cookies, null))
        .header('clear-site-data', '"cache", "storage"')
        .code(204)
        .send();
    },
  );

  app.post(
    '/session/password',
    {
      config: { right: 'session:own', audit: 'own', keepsNothing: true },
      schema: {
        tags,
        summary: 'Change one’s own password',
        description: 'Ends all sessions of the user; log in again.',
        body: Type.Object({ currentPassword: Password, password: Password }, strict),
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      const { currentPassword, password } = request.body;
      throwUnless(await access.changeOwnPassword(askerOf(request), currentPassword, password), 'user');
      return reply.header('set-cookie', sessionCookie(cookies, null)).code(204).send();
    },
  );

  function shown({ name, kind, role, user }: ReturnType<typeof askerOf>['principal']) {
    return { name, kind, role, user, hasUsers: !access.isOpen };
  }
}
