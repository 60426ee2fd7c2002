// `ETag`, `If-Match` and `If-None-Match`: two editors do not overwrite each other. The tag names the definition, not the state
// beside it, so there is no 304.
import type { FastifyRequest } from 'fastify';
import type { WriteCondition } from '../domain/ports/control.ts';
import { Refusal } from './problem.ts';

export function etagOf(revision: string): string {
  return `"${revision}"`;
}

/** `inForce`: the revision of what is there. Throws a 400 for a header that is none. */
export function conditionOf(request: FastifyRequest, inForce: string | null): WriteCondition {
  const match = header(request, 'if-match');
  const noneMatch = header(request, 'if-none-match');
  if (noneMatch !== null && noneMatch !== '*') {
    throw badHeader('/if-none-match', 'must be *: what must not be there');
  }
  if (match === null) return noneMatch === null ? {} : { exists: false };
  if (match === '*') return { exists: true };
  const tags = match.split(',').map((tag) => /^\s*"([\x21\x23-\x7e]*)"\s*$/.exec(tag)?.[1] ?? null);
  const [first] = tags;
  if (first === undefined || first === null || tags.includes(null)) {
    throw badHeader('/if-match', 'must be the ETag of what the change is based on, with its quotes, or *');
  }
  return { revision: inForce !== null && tags.includes(inForce) ? inForce : first };
}

/** A condition that does not hold is 412 where it was asked for, else 409. */
export function conflictStatus(request: FastifyRequest): 409 | 412 {
  const isAsked = header(request, 'if-match') !== null || header(request, 'if-none-match') !== null;
  return isAsked ? 412 : 409;
}

function header(request: FastifyRequest, name: string): string | null {
  const value = request.headers[name];
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : null;
}

function badHeader(pointer: string, message: string): Refusal {
  return new Refusal(400, `The header ${pointer.slice(1)} ${message}`, {
    errors: [{ pointer, message, in: 'header' }],
  });
}
