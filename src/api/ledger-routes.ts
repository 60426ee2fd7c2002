// Routes of ledgers and of what expired.
import type { FastifyInstance } from 'fastify';
import Type from 'typebox';
import { CONNECTION_ID_PATTERN } from '../domain/connection.ts';
import type { ExpiredUplink, LetterControl } from '../domain/ports/dead-letters.ts';
import { apiError } from './errors.ts';

const Params = Type.Object({ id: Type.String({ pattern: CONNECTION_ID_PATTERN }) });
const Query = Type.Object({ limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })) });

interface ById {
  Params: { id: string };
}

export async function ledgerRoutes(app: FastifyInstance, { letters }: { letters: LetterControl }): Promise<void> {
  app.get('/ledgers', async () => letters.ledgers());

  app.get<ById>('/connections/:id/ledger', { schema: { params: Params } }, async (request, reply) => {
    const { id } = request.params;
    const view = letters.ledger(id);
    if (view !== null) return view;
    const message =
      letters.box(id) === null ? `There is no connection ${id}` : `Connection ${id} has no ledger here yet`;
    return reply.code(404).send(apiError(404, message));
  });

  app.get<ById & { Querystring: { limit?: number } }>(
    '/connections/:id/expired',
    { schema: { params: Params, querystring: Query } },
    async (request, reply) => {
      const { id } = request.params;
      if (letters.box(id) === null) return reply.code(404).send(apiError(404, `There is no connection ${id}`));
      const counts = letters.ledger(id)?.ledger.expired ?? {};
      return { counts, uplinks: letters.expired(id, request.query.limit ?? 100).map(shown) };
    },
  );
}

function shown(uplink: ExpiredUplink): object {
  return { ...uplink, time: new Date(uplink.time).toISOString() };
}
