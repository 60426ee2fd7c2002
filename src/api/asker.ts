// Who asks, as the port wants it, and the refusals that its outcomes become.
import type { FastifyRequest } from 'fastify';
import type { AccessOutcome, Asker } from '../domain/ports/access.ts';
import { notFound, Refusal } from './problem.ts';

/** Of requests that another worker passes on: where they came from first. */
const origins = new WeakMap<FastifyRequest, string | null>();

export function setOrigin(request: FastifyRequest, from: string | null): void {
  origins.set(request, from);
}

/** Of a route that is not open. */
export function askerOf(request: FastifyRequest): Asker {
  const { principal, ip } = request;
  if (principal === null) throw new Error('a route that is open asks who asks');
  return { principal, from: origins.has(request) ? (origins.get(request) ?? null) : ip };
}

/** The value of a good outcome; `what` names the resource for people. */
export function throwUnless<T>(outcome: AccessOutcome<T>, what: string): T {
  switch (outcome.kind) {
    case 'ok':
      return outcome.value;
    case 'invalid': {
      const { pointer, message } = outcome;
      throw new Refusal(400, `The ${what} does not validate`, { errors: [{ pointer, message }] });
    }
    case 'notFound':
      throw notFound(`There is no such ${what}`);
    case 'exists':
      throw new Refusal(409, `There is such a ${what} already`);
    case 'forbidden':
      throw new Refusal(403, outcome.message);
    case 'unavailable':
      throw new Refusal(503, outcome.message, { headers: { 'retry-after': '5' } });
  }
}
