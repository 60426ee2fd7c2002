// `Idempotency-Key` on POST: a repeated request gets the answer of the first one and does nothing.
//
// Answers are kept in memory, bounded, for a day. What must hold over a restart or through another process too, the route sees to
// itself: the id of a created connection follows from the key.
import { createHash } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../domain/ports/clock.ts';
import type { ApiApp } from './app.ts';
import { Refusal } from './problem.ts';

const KEEP_MS = 24 * 3_600_000;
const MAX_ANSWERS = 1_000;
const MAX_ANSWER_CHARACTERS = 64 * 1024;
const KEY = /^[\x21-\x7e]{1,255}$/;

interface Kept {
  readonly bodyHash: string;
  readonly until: number;
  readonly answer: { readonly status: number; readonly headers: Record<string, string>; readonly body: string };
}

interface UnderWay {
  readonly name: string;
  readonly bodyHash: string;
}

const begun = new WeakMap<FastifyRequest, UnderWay>();

export class Idempotency {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #underWay = new Map<string, UnderWay>();
  /** Only what was done, so that nobody pushes out answers by requests that are refused. */
  readonly #answers = new Map<string, Kept>();

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
  }

  /** For all POST routes of the application. */
  addTo(app: ApiApp): void {
    app.addHook('preHandler', async (request, reply) => this.#before(request, reply));
    app.addHook('onSend', async (request, reply, payload) => {
      this.#after(request, reply, payload);
      return payload;
    });
    app.addHook('onRequestAbort', async (request) => this.#end(request));
  }

  #before(request: FastifyRequest, reply: FastifyReply): FastifyReply | undefined {
    const key = idempotencyKey(request);
    if (key === null || request.method !== 'POST' || request.is404) return;
    // A token is shown once, and a password's hash is not for a map.
    if (request.routeOptions.config.keepsNothing === true) return;
    const name = `${request.principal?.kind ?? ''} ${request.principal?.name ?? ''}\n${request.routeOptions.url}\n${request.url}\n${key}`;
    const bodyHash = createHash('sha256')
      .update(JSON.stringify(request.body) ?? '')
      .digest('base64');
    const known = this.#answers.get(name);
    const isKept = known !== undefined && known.until > this.#clock.monotonic();
    const first = isKept ? known : this.#underWay.get(name);
    if (first !== undefined && first.bodyHash !== bodyHash) {
      throw new Refusal(422, 'This Idempotency-Key was used with another body: take a new key for another request');
    }
    if (isKept) {
      const { status, headers, body } = known.answer;
      return reply
        .headers(headers)
        .code(status)
        .serializer((text: string) => text)
        .send(body);
    }
    if (first !== undefined) {
      const headers = { 'retry-after': '1' };
      throw new Refusal(409, 'A request with this Idempotency-Key is under way', { headers });
    }
    const underWay = { name, bodyHash };
    this.#underWay.set(name, underWay);
    begun.set(request, underWay);
    return;
  }

  #after(request: FastifyRequest, reply: FastifyReply, payload: unknown): void {
    const underWay = this.#end(request);
    // What was refused or failed may be tried again with the same key: nothing was done.
    if (underWay === null || reply.statusCode >= 400) return;
    if (typeof payload !== 'string' || payload.length > MAX_ANSWER_CHARACTERS) return;
    const headers: Record<string, string> = {};
    for (const header of ['location', 'etag', 'content-type']) {
      const value = reply.getHeader(header);
      if (typeof value === 'string') headers[header] = value;
    }
    const now = this.#clock.monotonic();
    for (const [oldest, { until }] of this.#answers) {
      if (this.#answers.size < MAX_ANSWERS && until > now) break;
      this.#answers.delete(oldest);
    }
    const answer = { status: reply.statusCode, headers, body: payload };
    this.#answers.delete(underWay.name);
    this.#answers.set(underWay.name, { bodyHash: underWay.bodyHash, until: now + KEEP_MS, answer });
  }

  /** Null: it was not the first one. One that was aborted has an outcome that nobody knows: a repetition starts anew. */
  #end(request: FastifyRequest): UnderWay | null {
    const underWay = begun.get(request);
    if (underWay === undefined || this.#underWay.get(underWay.name) !== underWay) return null;
    this.#underWay.delete(underWay.name);
    return underWay;
  }
}

/** Throws a 400 for one that is none. */
export function idempotencyKey(request: FastifyRequest): string | null {
  const key = request.headers['idempotency-key'];
  if (key === undefined) return null;
  if (typeof key === 'string' && KEY.test(key)) return key;
  const message = 'must be 1 to 255 visible ASCII characters';
  throw new Refusal(400, `The header Idempotency-Key ${message}`, {
    errors: [{ pointer: '/idempotency-key', message, in: 'header' }],
  });
}
