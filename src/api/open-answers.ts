// Answers that go on for long (events, uplinks as they come): whoever was let in once must still be the same and may still do it.
// A session that was ended, a token that was revoked or has expired, a lesser role: the connection is cut, within half a minute.
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Cancel, Clock } from '../domain/ports/clock.ts';
import { type Authentication, mayUse, type Right } from './rights.ts';

interface Open {
  readonly request: FastifyRequest;
  readonly right: Right;
  /** Monotonic ms of the last look. */
  seenAt: number;
}

const LOOK_MS = 10_000;
/** What has ended by then was an answer like any other. */
const AGAIN_MS = 20_000;

export class OpenAnswers {
  readonly #clock: Clock;
  readonly #authenticate: (request: FastifyRequest) => Authentication | Promise<Authentication>;
  readonly #open = new Map<FastifyReply, Open>();
  #cancel: Cancel = () => {};

  constructor(clock: Clock, authenticate: (request: FastifyRequest) => Authentication | Promise<Authentication>) {
    this.#clock = clock;
    this.#authenticate = authenticate;
  }

  start(): void {
    this.#cancel = this.#clock.after(LOOK_MS, () => {
      void this.look();
      this.start();
    });
  }

  stop(): void {
    this.#cancel();
  }

  /** Until the answer is over. */
  add(request: FastifyRequest, reply: FastifyReply, right: Right): void {
    this.#open.set(reply, { request, right, seenAt: this.#clock.monotonic() });
    reply.raw.once('close', () => this.#open.delete(reply));
  }

  async look(): Promise<void> {
    const now = this.#clock.monotonic();
    for (const [reply, open] of this.#open) {
      if (now - open.seenAt < AGAIN_MS) continue;
      open.seenAt = now;
      const outcome = await this.#authenticate(open.request);
      // What cannot be judged now goes on: an issuer that is away ends no stream.
      const isOver = outcome.kind === 'refused' ? outcome.status === 401 : !mayUse(outcome.principal.role, open.right);
      if (isOver) reply.raw.destroy();
    }
  }
}
