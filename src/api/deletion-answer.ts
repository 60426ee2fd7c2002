// What the answer to a DELETE says of the dead letters that are kept: in headers beside the 204, and in a body where the request
// asks for one (`Prefer: return=representation`, RFC 7240).
import type { FastifyReply, FastifyRequest } from 'fastify';
import Type, { type Static } from 'typebox';
import type { LetterControl } from '../domain/ports/dead-letters.ts';
import { component } from './components.ts';
import { Count, DateTime, Nullable } from './fields.ts';

export const DELETION =
  'Its sessions, groups, status and stores go; its dead letters are kept for `deadLetters.keepAfterDelete`. The headers ' +
  '`X-Dead-Letters-Kept` (how many; absent where another worker has them) and `X-Dead-Letters-Kept-Until` say so; with ' +
  '`Prefer: return=representation` a body does, with 200.';

const KeptSchema = Type.Object({
  count: Nullable(Count),
  until: Nullable(Type.String({ format: 'date-time', description: 'Null: none are kept.' })),
});

export const DeletedSchema = component(
  'DeletedConnection',
  Type.Object({ id: Type.String(), deadLetters: KeptSchema }, { description: 'What is left of a deleted connection.' }),
);

const KeptConnectionSchema = Type.Object({
  id: Type.String(),
  deletedAt: DateTime,
  keptUntil: DateTime,
  count: Count,
  bytes: Count,
});
export type KeptConnection = Static<typeof KeptConnectionSchema>;
export const KeptConnectionsSchema = Type.Array(KeptConnectionSchema);

export interface LettersKept {
  /** null: not known here. */
  readonly count: number | null;
  readonly until: string | null;
}

/** Asked before the deletion. `now`: wall-clock ms; `isHere`: no other worker serves it. */
export function lettersKept(letters: LetterControl, id: string, now: number, isHere: boolean): LettersKept {
  const { keepAfterDeleteMs } = letters;
  if (keepAfterDeleteMs === 0) return { count: 0, until: null };
  const count = isHere ? (letters.box(id)?.totals().count ?? 0) : null;
  return { count, until: count === 0 ? null : new Date(now + keepAfterDeleteMs).toISOString() };
}

export function sendDeleted(
  request: FastifyRequest,
  reply: FastifyReply,
  id: string,
  { count, until }: LettersKept,
): FastifyReply {
  if (count !== null) reply.header('x-dead-letters-kept', String(count));
  if (until !== null) reply.header('x-dead-letters-kept-until', until);
  if (!wantsBody(request)) return reply.code(204).send();
  return reply
    .code(200)
    .header('preference-applied', 'return=representation')
    .send({ id, deadLetters: { count, until } });
}

function wantsBody({ headers }: FastifyRequest): boolean {
  const prefer = [headers.prefer ?? []].flat().join(',');
  return prefer.split(',').some((each) => /^\s*return\s*=\s*"?representation"?\s*(;|$)/i.test(each));
}
