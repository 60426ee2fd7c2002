// Routes of ledgers and of what expired.
import Type from 'typebox';
import type { ExpiredUplink } from '../domain/ports/dead-letters.ts';
import type { ApiApp } from './app.ts';
import { component } from './components.ts';
import { ByConnection, Count, Counts, DateTime, Nullable } from './fields.ts';
import { notFound } from './problem.ts';
import type { ApiPorts } from './routes.ts';

export const LedgerSchema = component(
  'Ledger',
  Type.Object(
    {
      received: Count,
      delivered: Count,
      pending: Type.Integer(),
      expired: Counts,
      filtered: Counts,
      skipped: Counts,
      deadLettered: Counts,
    },
    {
      description:
        'Where every received message is; `received` is the sum of the rest. Columns with reasons by reason.',
    },
  ),
);

const LedgerViewSchema = component(
  'LedgerView',
  Type.Object({
    id: Type.String(),
    ledger: LedgerSchema,
    imbalance: Type.Integer({ description: '`received` less all columns; 0: it balances.' }),
    off: Nullable(Type.Integer({ description: 'Recounted just now: what is off. Null: the connection does not run.' })),
    deadLetters: Nullable(Type.Record(Type.String(), Type.Unknown())),
  }),
);

const ExpiredSchema = Type.Object({
  counts: Counts,
  uplinks: Type.Array(
    Type.Object({
      time: DateTime,
      seq: Nullable(Count),
      device: Nullable(Type.String()),
      reason: Type.String(),
      ageMs: Type.Number(),
    }),
  ),
});

const tags = ['Ledger'];
const config = { right: 'connections:read' } as const;

export function ledgerRoutes(app: ApiApp, { control: { letters } }: Pick<ApiPorts, 'control'>): void {
  app.get(
    '/ledgers',
    {
      config,
      schema: { tags, summary: 'The ledgers of all connections', response: { 200: Type.Array(LedgerViewSchema) } },
    },
    async () => letters.ledgers(),
  );

  app.get(
    '/connections/:id/ledger',
    {
      config,
      schema: { tags, summary: 'Where every message is', params: ByConnection, response: { 200: LedgerViewSchema } },
    },
    async (request) => {
      const { id } = request.params;
      const view = letters.ledger(id);
      if (view !== null) return view;
      const message =
        letters.box(id) === null ? `There is no connection ${id}` : `Connection ${id} has no ledger here yet`;
      throw notFound(message);
    },
  );

  app.get(
    '/connections/:id/expired',
    {
      config,
      schema: {
        tags,
        summary: 'The latest uplinks that were too old or had no room',
        params: ByConnection,
        querystring: Type.Object(
          { limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 100 })) },
          { additionalProperties: false },
        ),
        response: { 200: ExpiredSchema },
      },
    },
    async (request) => {
      const { id } = request.params;
      if (letters.box(id) === null) throw notFound(`There is no connection ${id}`);
      const counts = letters.ledger(id)?.ledger.expired ?? {};
      return { counts, uplinks: letters.expired(id, request.query.limit ?? 100).map(shown) };
    },
  );
}

function shown(uplink: ExpiredUplink): object {
  return { ...uplink, time: new Date(uplink.time).toISOString() };
}
