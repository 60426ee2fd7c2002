// Routes of the secret keys: which are in use, and their rotation. Keys themselves are in no answer, only their ids.
import Type from 'typebox';
import type { KeyOutcome } from '../domain/ports/keys.ts';
import type { ApiApp } from './app.ts';
import { askerOf } from './asker.ts';
import { component } from './components.ts';
import { Counts } from './fields.ts';
import { notFound, Refusal } from './problem.ts';
import type { ApiPorts } from './routes.ts';

const tags = ['Keys'];
const KeyId = Type.String({ pattern: '^[0-9a-f]{8}$' });

const KeysSchema = component(
  'Keys',
  Type.Object({
    keyId: KeyId,
    formerIds: Type.Array(KeyId),
    isGenerated: Type.Boolean({ description: 'In the data directory; else of the configuration.' }),
    definitions: Counts,
  }),
);

const RotationSchema = component(
  'KeyRotation',
  Type.Object({
    keyId: KeyId,
    formerIds: Type.Array(KeyId),
    renewed: Type.Integer({ minimum: 0 }),
    failed: Type.Array(Type.Object({ id: Type.String(), message: Type.String() })),
  }),
);

export function keyRoutes(app: ApiApp, { keys }: Pick<ApiPorts, 'keys'>): void {
  app.get(
    '/keys',
    {
      config: { right: 'keys:write' },
      schema: { tags, summary: 'The keys that seal secrets', response: { 200: KeysSchema } },
    },
    async () => keys.view(),
  );

  app.post(
    '/keys/rotate',
    {
      config: { right: 'keys:write', audit: 'own' },
      schema: {
        tags,
        summary: 'Seal everything with a new key',
        description:
          'A generated key is replaced; one of the configuration must have been replaced there. Former keys still read until they are dropped.',
        response: { 200: RotationSchema },
      },
    },
    async (request) => unwrap(await keys.rotate(askerOf(request))),
  );

  app.delete(
    '/keys/:id',
    {
      config: { right: 'keys:write', audit: 'own' },
      schema: {
        tags,
        summary: 'Drop a former key for good',
        params: Type.Object({ id: KeyId }),
        response: { 200: KeysSchema },
      },
    },
    async (request) => unwrap(keys.forget(askerOf(request), request.params.id)),
  );
}

function unwrap<T>(outcome: KeyOutcome<T>): T {
  if (outcome.kind === 'ok') return outcome.value;
  if (outcome.kind === 'notFound') throw notFound('There is no former key of this id');
  throw new Refusal(409, outcome.message);
}
