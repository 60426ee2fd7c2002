// Opaque cursors for what grows: a client hands back what it got and makes nothing of it.
import { Refusal } from './problem.ts';

export function writeCursor(position: string): string {
  return Buffer.from(position, 'utf8').toString('base64url');
}

/** Throws a 400 for one that this bridge has not written. */
export function readCursor(cursor: string): string {
  const position = Buffer.from(cursor, 'base64url').toString('utf8');
  if (position !== '' && writeCursor(position) === cursor) return position;
  const message = 'must be a cursor that this bridge has given';
  throw new Refusal(400, `The query parameter cursor ${message}`, {
    errors: [{ pointer: '/cursor', message, in: 'query' }],
  });
}
