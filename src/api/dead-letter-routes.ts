// Routes of dead letters: list, show, edit, replay, drop, import.
import type { FastifyInstance, FastifyReply } from 'fastify';
import Type, { type Static } from 'typebox';
import { CONNECTION_ID_PATTERN } from '../domain/connection.ts';
import type { DeadLetterBox, DeadLetterFilter, LetterControl, LetterRefusal } from '../domain/ports/dead-letters.ts';
import { DEAD_LETTER_REASONS } from '../domain/uplink.ts';
import { readPayload, readRecord, recordOf, wholeRecordOf } from './dead-letter-records.ts';
import { apiError } from './errors.ts';

const MAX_IDS = 10_000;
const Id = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER });
const Params = Type.Object({ id: Type.String({ pattern: CONNECTION_ID_PATTERN }) });
const LetterParams = Type.Object({ id: Type.String({ pattern: CONNECTION_ID_PATTERN }), letter: Id });
const Filter = Type.Object(
  {
    ids: Type.Optional(Type.Array(Id, { minItems: 1, maxItems: MAX_IDS })),
    reasons: Type.Optional(Type.Array(Type.Enum([...DEAD_LETTER_REASONS]), { minItems: 1 })),
    device: Type.Optional(Type.String({ pattern: '^[0-9A-Fa-f]{16}$' })),
    since: Type.Optional(Type.String({ format: 'date-time' })),
    until: Type.Optional(Type.String({ format: 'date-time' })),
  },
  { additionalProperties: false },
);
const Search = Type.Object(
  {
    filter: Filter,
    order: Type.Optional(Type.Enum(['newest', 'oldest'])),
    after: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
    content: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
);
const Drop = Type.Object({ filter: Filter }, { additionalProperties: false });
const Replay = Type.Object(
  { filter: Filter, perSecond: Type.Optional(Type.Number({ minimum: 0.1, maximum: 1000 })) },
  { additionalProperties: false },
);
const Edit = Type.Object(
  {
    topic: Type.Optional(Type.String({ minLength: 1, maxLength: 65_000 })),
    payload: Type.Optional(Type.String()),
    payloadBase64: Type.Optional(Type.String()),
    revert: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
);

type ById = { Params: { id: string } };
type ByLetter = { Params: { id: string; letter: number } };

/** A page of letters ends here, and an import has to come in parts below this. */
const PAGE_BYTES = 4 * 1024 * 1024;
const BODY_BYTES = 64 * 1024 * 1024;
const MAX_IMPORT = 1000;
const PER_SECOND = 20;
const DROP_STEP = 500;

export async function deadLetterRoutes(app: FastifyInstance, { letters }: { letters: LetterControl }): Promise<void> {
  /** Sends the 404 itself. */
  function boxOf(id: string, reply: FastifyReply): DeadLetterBox | null {
    const box = letters.box(id);
    if (box === null) reply.code(404).send(apiError(404, `There is no connection ${id}`));
    return box;
  }

  // A search, by POST because of the ids.
  app.post<ById & { Body: Static<typeof Search> }>(
    '/connections/:id/dead-letters/search',
    { schema: { params: Params, body: Search } },
    async (request, reply) => {
      const { id } = request.params;
      const box = boxOf(id, reply);
      if (box === null) return reply;
      const { filter, order = 'newest', after, limit = 100, content = false } = request.body;
      const query = { filter: filterOf(filter), order, limit, maxBytes: PAGE_BYTES };
      const page = box.page(after === undefined ? query : { ...query, after });
      const records = page.letters.map((letter) => recordOf(id, letter, content));
      return { letters: records, next: page.next, totals: box.totals() };
    },
  );

  app.get<ByLetter>(
    '/connections/:id/dead-letters/:letter',
    { schema: { params: LetterParams } },
    async (request, reply) => {
      const { id, letter } = request.params;
      const found = boxOf(id, reply)?.get(letter);
      if (reply.sent) return reply;
      return found ? wholeRecordOf(id, found) : reply.code(404).send(noLetter(id, letter));
    },
  );

  app.patch<ByLetter & { Body: Static<typeof Edit> }>(
    '/connections/:id/dead-letters/:letter',
    { schema: { params: LetterParams, body: Edit }, bodyLimit: BODY_BYTES },
    async (request, reply) => {
      const { id, letter } = request.params;
      const box = boxOf(id, reply);
      if (box === null) return reply;
      const { topic, payload, payloadBase64, revert } = request.body;
      const bytes = readPayload({ payload, payloadBase64 });
      const hasPayload = payload !== undefined || payloadBase64 !== undefined;
      if ((hasPayload && bytes === null) || (revert === true) === (hasPayload || topic !== undefined)) {
        return reply
          .code(400)
          .send(apiError(400, 'Wanted: "revert": true, or a "topic", "payload" or "payloadBase64"'));
      }
      const change = { ...(topic === undefined ? {} : { topic }), ...(bytes === null ? {} : { payload: bytes }) };
      const outcome = revert === true ? box.revert(letter) : box.edit(letter, change);
      if (outcome === 'busy') return reply.code(409).send(apiError(409, `Dead letter ${letter} is being replayed`));
      const found = outcome === 'ok' ? box.get(letter) : null;
      return found === null ? reply.code(404).send(noLetter(id, letter)) : wholeRecordOf(id, found);
    },
  );

  app.post<ById & { Body: Static<typeof Drop> }>(
    '/connections/:id/dead-letters/drop',
    { schema: { params: Params, body: Drop } },
    async (request, reply) => {
      const box = boxOf(request.params.id, reply);
      if (box === null) return reply;
      const filter = filterOf(request.body.filter);
      const upTo = box.totals().lastId;
      let dropped = 0;
      for (let after: number | null = 0; after !== null && after < upTo; ) {
        const page = box.page({ filter, order: 'oldest', after, limit: DROP_STEP, maxBytes: PAGE_BYTES });
        dropped += box.drop(page.letters.map(({ id }) => id).filter((id) => id <= upTo));
        after = page.next;
        // Others have their turn.
        await new Promise((resolve) => setImmediate(resolve));
      }
      return { dropped };
    },
  );

  // Answers with a line of progress about once a second; the last one has `end`. Hanging up ends the replay.
  app.post<ById & { Body: Static<typeof Replay> }>(
    '/connections/:id/dead-letters/replay',
    { schema: { params: Params, body: Replay } },
    async (request, reply) => {
      const { id } = request.params;
      if (boxOf(id, reply) === null) return reply;
      const { filter, perSecond = PER_SECOND } = request.body;
      const hungUp = new AbortController();
      const stream = reply.raw;
      const onProgress = (progress: object): void => {
        stream.write(`${JSON.stringify(progress)}\n`);
      };
      const started = letters.replay(id, { filter: filterOf(filter), perSecond, signal: hungUp.signal, onProgress });
      if (started.kind !== 'ok') return refuse(reply, started);
      reply.hijack();
      stream.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' });
      stream.flushHeaders();
      stream.on('close', () => hungUp.abort());
      stream.end(`${JSON.stringify(await started.end)}\n`);
      return reply;
    },
  );

  app.post<ById & { Body: unknown }>(
    '/connections/:id/dead-letters/import',
    { schema: { params: Params }, bodyLimit: BODY_BYTES },
    async (request, reply) => {
      const { id } = request.params;
      if (boxOf(id, reply) === null) return reply;
      const { body } = request;
      if (!Array.isArray(body) || body.length > MAX_IMPORT) {
        return reply.code(400).send(apiError(400, `Wanted: an array of at most ${MAX_IMPORT} dead letters`));
      }
      const read = body.map(readRecord);
      const errors = read.flatMap((each, i) => (typeof each === 'string' ? [{ pointer: `/${i}`, message: each }] : []));
      if (errors.length > 0) {
        return reply.code(400).send(apiError(400, 'Some are no dead letters; nothing was taken', errors.slice(0, 10)));
      }
      const outcome = letters.import(
        id,
        read.filter((each) => typeof each !== 'string'),
      );
      if (outcome.kind === 'full') {
        const message = `They do not fit: the dead letters of ${id} would take ${outcome.bytes} of ${outcome.maxBytes} bytes. Nothing was taken; drop or replay some, or raise budgets.deadLetterMaxBytes.`;
        return reply.code(409).send(apiError(409, message));
      }
      if (outcome.kind !== 'ok') return refuse(reply, outcome);
      const { imported, present, replayed } = outcome;
      return { imported, present, replayed };
    },
  );
}

function filterOf({ ids, reasons, device, since, until }: Static<typeof Filter>): DeadLetterFilter {
  return {
    ...(ids === undefined ? {} : { ids }),
    ...(reasons === undefined ? {} : { reasons }),
    ...(device === undefined ? {} : { device: device.toUpperCase() }),
    ...(since === undefined ? {} : { since: Date.parse(since) }),
    ...(until === undefined ? {} : { until: Date.parse(until) }),
  };
}

function refuse(reply: FastifyReply, { kind, message }: LetterRefusal): FastifyReply {
  const status = kind === 'gone' ? 404 : 409;
  return reply.code(status).send(apiError(status, message));
}

function noLetter(id: string, letter: number) {
  return apiError(404, `Connection ${id} has no dead letter ${letter}`);
}
