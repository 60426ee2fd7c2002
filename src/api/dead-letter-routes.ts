// Routes of dead letters: list, show, edit, replay, drop, import.
import Type from 'typebox';
import type { DeadLetterBox, DeadLetterQuery, LetterRefusal } from '../domain/ports/dead-letters.ts';
import type { ApiApp } from './app.ts';
import { readPayload, readRecord, recordOf, wholeRecordOf } from './dead-letter-records.ts';
import * as schemas from './dead-letter-schemas.ts';
import { KeptConnectionsSchema } from './deletion-answer.ts';
import { ByConnection, Count } from './fields.ts';
import { notFound, Refusal } from './problem.ts';
import type { ApiPorts } from './routes.ts';
import { summary } from './validation.ts';

/** A page of letters ends here, and an import has to come in parts below this. */
const PAGE_BYTES = 4 * 1024 * 1024;
const BODY_BYTES = 64 * 1024 * 1024;
const MAX_IMPORT = 1000;
const PER_SECOND = 20;
const DROP_STEP = 500;

const tags = ['Dead letters'];
const read = { right: 'dead-letters:read' } as const;
const write = { right: 'dead-letters:write' } as const;

export function deadLetterRoutes(app: ApiApp, { control: { letters } }: Pick<ApiPorts, 'control'>): void {
  function boxOf(id: string): DeadLetterBox {
    const box = letters.box(id);
    if (box === null) throw notFound(`There is no connection ${id}`);
    return box;
  }

  function pageOf(id: string, query: Omit<DeadLetterQuery, 'maxBytes'>, content: boolean): object {
    const box = boxOf(id);
    const page = box.page({ ...query, maxBytes: PAGE_BYTES });
    return {
      letters: page.letters.map((letter) => recordOf(id, letter, content)),
      next: page.next,
      totals: box.totals(),
    };
  }

  app.get(
    '/deleted-connections',
    {
      config: read,
      schema: {
        tags,
        summary: 'Deleted connections whose dead letters are still kept, of all workers',
        description: 'They are looked at, exported and dropped as before under `/connections/{id}/dead-letters`.',
        response: { 200: KeptConnectionsSchema },
      },
    },
    async () =>
      letters.kept().map(({ deletedAt, keptUntil, ...rest }) => ({
        ...rest,
        deletedAt: new Date(deletedAt).toISOString(),
        keptUntil: new Date(keptUntil).toISOString(),
      })),
  );

  app.get(
    '/connections/:id/dead-letters',
    {
      config: read,
      schema: {
        tags,
        summary: 'Dead letters, the latest first, without their content',
        params: ByConnection,
        querystring: schemas.ListQuery,
        response: { 200: schemas.Letters },
      },
    },
    async (request) => {
      const { reason, device, from, to, cursor, limit = 100 } = request.query;
      const filter = schemas.filterOf({
        ...(reason === undefined ? {} : { reasons: [reason] }),
        ...(device === undefined ? {} : { device }),
        ...(from === undefined ? {} : { since: from }),
        ...(to === undefined ? {} : { until: to }),
      });
      const after = cursor === undefined ? {} : { after: cursor };
      return pageOf(request.params.id, { filter, order: 'newest', limit, ...after }, false);
    },
  );

  app.post(
    '/connections/:id/dead-letters/search',
    {
      config: read,
      schema: {
        tags,
        summary: 'Search dead letters: by POST because of the ids',
        params: ByConnection,
        body: schemas.Search,
        response: { 200: schemas.Letters },
      },
    },
    async (request) => {
      const { filter, order = 'newest', after, limit = 100, content = false } = request.body;
      const query = { filter: schemas.filterOf(filter), order, limit };
      return pageOf(request.params.id, after === undefined ? query : { ...query, after }, content);
    },
  );

  app.get(
    '/connections/:id/dead-letters/:letter',
    {
      config: read,
      schema: {
        tags,
        summary: 'One with all that is kept of it',
        params: schemas.LetterParams,
        response: { 200: schemas.Letter },
      },
    },
    async (request) => {
      const { id, letter } = request.params;
      const found = boxOf(id).get(letter);
      if (found === null) throw noLetter(id, letter);
      return wholeRecordOf(id, found);
    },
  );

  app.patch(
    '/connections/:id/dead-letters/:letter',
    {
      config: write,
      bodyLimit: BODY_BYTES,
      schema: {
        tags,
        summary: 'Edit one before its replay, or revert it',
        params: schemas.LetterParams,
        body: schemas.Edit,
        response: { 200: schemas.Letter },
      },
    },
    async (request) => {
      const { id, letter } = request.params;
      const box = boxOf(id);
      const { topic, payload, payloadBase64, revert } = request.body;
      const bytes = readPayload({ payload, payloadBase64 });
      const hasPayload = payload !== undefined || payloadBase64 !== undefined;
      if ((hasPayload && bytes === null) || (revert === true) === (hasPayload || topic !== undefined)) {
        throw new Refusal(400, 'Wanted: "revert": true, or a "topic", "payload" or "payloadBase64"');
      }
      const change = { ...(topic === undefined ? {} : { topic }), ...(bytes === null ? {} : { payload: bytes }) };
      const outcome = revert === true ? box.revert(letter) : box.edit(letter, change);
      if (outcome === 'busy') throw new Refusal(409, `Dead letter ${letter} is being replayed`);
      const found = outcome === 'ok' ? box.get(letter) : null;
      if (found === null) throw noLetter(id, letter);
      return wholeRecordOf(id, found);
    },
  );

  app.post(
    '/connections/:id/dead-letters/drop',
    {
      config: write,
      schema: {
        tags,
        summary: 'Drop those that match; the ledger still counts them',
        params: ByConnection,
        body: schemas.Drop,
        response: { 200: Type.Object({ dropped: Count }) },
      },
    },
    async (request) => {
      const box = boxOf(request.params.id);
      const filter = schemas.filterOf(request.body.filter);
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

  app.post(
    '/connections/:id/dead-letters/replay',
    {
      config: { ...write, produces: ['application/x-ndjson'] },
      schema: {
        tags,
        summary: 'Send those that match on their way again',
        description:
          'Answers with a line of progress about once a second; the last one has `end`. Hanging up ends the replay.',
        params: ByConnection,
        body: schemas.Replay,
        response: { 200: Type.String() },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      boxOf(id);
      const { filter, perSecond = PER_SECOND } = request.body;
      const hungUp = new AbortController();
      const stream = reply.raw;
      const onProgress = (progress: object): void => {
        stream.write(`${JSON.stringify(progress)}\n`);
      };
      const how = { filter: schemas.filterOf(filter), perSecond, signal: hungUp.signal, onProgress };
      const started = letters.replay(id, how);
      if (started.kind !== 'ok') throw refused(started);
      reply.hijack();
      stream.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' });
      stream.flushHeaders();
      stream.on('close', () => hungUp.abort());
      stream.end(`${JSON.stringify(await started.end)}\n`);
      return reply;
    },
  );

  app.post(
    '/connections/:id/dead-letters/import',
    {
      config: write,
      bodyLimit: BODY_BYTES,
      schema: {
        tags,
        summary: 'Take in dead letters of an export',
        params: ByConnection,
        body: Type.Array(Type.Unknown(), { maxItems: MAX_IMPORT, description: 'Lines of an export.' }),
        response: { 200: Type.Object({ imported: Count, present: Count, replayed: Count }) },
      },
    },
    async (request) => {
      const { id } = request.params;
      boxOf(id);
      const records = request.body.map(readRecord);
      const errors = records.flatMap((each, i) =>
        typeof each === 'string' ? [{ pointer: `/${i}`, message: each }] : [],
      );
      if (errors.length > 0) {
        const message = `Some are no dead letters; nothing was taken. ${summary(errors)}`;
        throw new Refusal(400, message, { errors: errors.slice(0, 10) });
      }
      const outcome = letters.import(
        id,
        records.filter((each) => typeof each !== 'string'),
      );
      if (outcome.kind === 'full') {
        const message = `They do not fit: the dead letters of ${id} would take ${outcome.bytes} of ${outcome.maxBytes} bytes. Nothing was taken; drop or replay some, or raise budgets.deadLetterMaxBytes.`;
        throw new Refusal(409, message);
      }
      if (outcome.kind !== 'ok') throw refused(outcome);
      const { imported, present, replayed } = outcome;
      return { imported, present, replayed };
    },
  );
}

function refused({ kind, message }: LetterRefusal): Refusal {
  return new Refusal(kind === 'gone' ? 404 : 409, message);
}

function noLetter(id: string, letter: number): Refusal {
  return notFound(`Connection ${id} has no dead letter ${letter}`);
}
