// Routes of "where is my message": a connection's recent uplinks.
import Type from 'typebox';
import { MESSAGE_STATES, type TracedMessage } from '../domain/ports/messages.ts';
import type { UplinkOutcome } from '../domain/uplink.ts';
import type { ApiApp } from './app.ts';
import { component } from './components.ts';
import { ByConnection, Count, DateTime, DevEui, Nullable } from './fields.ts';
import { notFound, Refusal } from './problem.ts';
import type { ApiPorts } from './routes.ts';

const OUTCOMES = [
  'delivered',
  'expired',
  'filtered',
  'skipped',
  'deadLettered',
] as const satisfies readonly UplinkOutcome['kind'][];

export const Outcome = Type.Enum([...OUTCOMES], { description: 'Uplinks that ended so.' });

const MessageSchema = component(
  'Message',
  Type.Object(
    {
      seq: Count,
      device: Nullable(Type.String()),
      fCnt: Nullable(Count),
      state: Type.Enum([...MESSAGE_STATES]),
      receivedAt: DateTime,
      sentAt: Nullable(DateTime),
      attempts: Count,
      requestId: Nullable(Type.String({ description: '`X-Request-Id` of the last answered request.' })),
      lastAnswer: Nullable(Type.String({ description: 'Why the last request did not settle it.' })),
      outcome: Nullable(Type.Record(Type.String(), Type.Unknown())),
      settledAt: Nullable(DateTime),
    },
    { description: 'One uplink and where it is.' },
  ),
);

const CURSOR = /^[0-9]{1,15}$/;

const tags = ['Messages'];

export function messageRoutes(app: ApiApp, { control }: Pick<ApiPorts, 'control'>): void {
  app.get(
    '/connections/:id/messages',
    {
      config: { right: 'messages:read' },
      schema: {
        tags,
        summary:
          'The recent uplinks, the latest first: of one device with what still waits, or of all that are settled',
        params: ByConnection,
        querystring: Type.Object(
          {
            device: Type.Optional(DevEui),
            fCnt: Type.Optional(Type.Integer({ minimum: 0, maximum: 0xffff_ffff })),
            outcome: Type.Optional(Outcome),
            limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 100 })),
            cursor: Type.Optional(Type.String({ maxLength: 64, description: '`next` of the page before.' })),
          },
          { additionalProperties: false },
        ),
        response: {
          200: Type.Object({
            messages: Type.Array(MessageSchema),
            inJournal: Type.Integer({ minimum: 0, description: 'Of the device, on disk and not read back yet.' }),
            next: Nullable(Type.String()),
          }),
        },
      },
    },
    async (request) => {
      const { id } = request.params;
      const { device, fCnt, outcome, limit = 100, cursor } = request.query;
      const page = control.messages.messages(id, {
        ...(device === undefined ? {} : { device: device.toUpperCase() }),
        ...(fCnt === undefined ? {} : { fCnt }),
        ...(outcome === undefined ? {} : { outcomes: [outcome] }),
        ...(cursor === undefined ? {} : { before: readCursor(cursor) }),
        limit,
      });
      if (page === null) throw notFound(`Connection ${id} is not running here`);
      const { messages, inJournal, next } = page;
      return { messages: messages.map(shown), inJournal, next: next === null ? null : writeCursor(next) };
    },
  );
}

function shown({ receivedAt, sentAt, settledAt, ...message }: TracedMessage) {
  const iso = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());
  return { ...message, receivedAt: iso(receivedAt), sentAt: iso(sentAt), settledAt: iso(settledAt) };
}

function writeCursor(order: number): string {
  return Buffer.from(String(order)).toString('base64url');
}

function readCursor(cursor: string): number {
  const text = Buffer.from(cursor, 'base64url').toString('latin1');
  if (CURSOR.test(text)) return Number(text);
  throw new Refusal(400, 'The cursor is not one that this API has given', {
    errors: [{ pointer: '/cursor', message: 'must be `next` of an earlier page', in: 'query' }],
  });
}
