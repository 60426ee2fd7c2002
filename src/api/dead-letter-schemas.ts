// What requests about dead letters may hold, and what their answers look like.
import Type, { type Static } from 'typebox';
import type { DeadLetterFilter } from '../domain/ports/dead-letters.ts';
import { DEAD_LETTER_REASONS } from '../domain/uplink.ts';
import { component } from './components.ts';
import { ConnectionId, Count, Counts, DateTime, DevEui, Nullable } from './fields.ts';

const MAX_IDS = 10_000;
const strict = { additionalProperties: false } as const;

const LetterId = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER });
export const LetterParams = Type.Object({ id: ConnectionId, letter: LetterId });

export const Filter = component(
  'DeadLetterFilter',
  Type.Object(
    {
      ids: Type.Optional(Type.Array(LetterId, { minItems: 1, maxItems: MAX_IDS })),
      reasons: Type.Optional(Type.Array(Type.Enum([...DEAD_LETTER_REASONS]), { minItems: 1 })),
      device: Type.Optional(DevEui),
      since: Type.Optional(DateTime),
      until: Type.Optional(DateTime),
    },
    { ...strict, description: 'All conditions that are given must hold; none: every dead letter.' },
  ),
);

export const Search = Type.Object(
  {
    filter: Filter,
    order: Type.Optional(Type.Enum(['newest', 'oldest'])),
    after: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
    content: Type.Optional(Type.Boolean({ description: 'With payload and sent record.' })),
  },
  strict,
);
export const Drop = Type.Object({ filter: Filter }, strict);
export const Replay = Type.Object(
  { filter: Filter, perSecond: Type.Optional(Type.Number({ minimum: 0.1, maximum: 1000, default: 20 })) },
  strict,
);
export const Edit = Type.Object(
  {
    topic: Type.Optional(Type.String({ minLength: 1, maxLength: 65_000 })),
    payload: Type.Optional(Type.String()),
    payloadBase64: Type.Optional(Type.String()),
    revert: Type.Optional(Type.Boolean({ description: 'Back to what arrived.' })),
  },
  strict,
);

/** For the query of a plain list. */
export const ListQuery = Type.Object(
  {
    reason: Type.Optional(Type.Enum([...DEAD_LETTER_REASONS])),
    device: Type.Optional(DevEui),
    from: Type.Optional(DateTime),
    to: Type.Optional(DateTime),
    cursor: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 100 })),
  },
  strict,
);

export const Letter = component(
  'DeadLetter',
  Type.Object(
    {
      key: Type.String({ description: 'Names it for good, also in exports.' }),
      connection: Type.String(),
      id: LetterId,
      seq: Count,
      time: DateTime,
      arrivedAt: DateTime,
      device: Nullable(Type.String()),
      reason: Type.Enum([...DEAD_LETTER_REASONS]),
      topic: Type.String(),
      detail: Type.Record(Type.String(), Type.Unknown(), {
        description: "HERE's or the reader's answer, and the headers that the message came with (Kafka).",
      }),
      payload: Type.Optional(Type.String()),
      payloadBase64: Type.Optional(Type.String()),
      payloadBytes: Type.Optional(Count),
      editedAt: Type.Optional(DateTime),
      original: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
    },
    { description: 'An uplink that could not be read or that HERE refused.' },
  ),
);

export const Letters = Type.Object({
  letters: Type.Array(Letter),
  next: Nullable(Type.Integer({ description: '`after` of the next page; null: there are no more.' })),
  totals: Type.Object({
    count: Count,
    bytes: Count,
    maxBytes: Count,
    maxAgeMs: Count,
    keptUntil: Nullable(
      Type.Number({ description: 'Wall-clock ms at which those of a deleted connection go; null: it is not deleted.' }),
    ),
    oldestAt: Nullable(Type.Number()),
    lastId: Count,
    dropped: Counts,
  }),
});

export function filterOf({ ids, reasons, device, since, until }: Static<typeof Filter>): DeadLetterFilter {
  return {
    ...(ids === undefined ? {} : { ids }),
    ...(reasons === undefined ? {} : { reasons }),
    ...(device === undefined ? {} : { device: device.toUpperCase() }),
    ...(since === undefined ? {} : { since: Date.parse(since) }),
    ...(until === undefined ? {} : { until: Date.parse(until) }),
  };
}
