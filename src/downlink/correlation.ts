// CorrelationIDs: 16 hex digits made from what a command is, so that publishing it again, here or elsewhere, has the same one.
import { createHash } from 'node:crypto';
import type { Command } from '../domain/command.ts';
import { isObject, parseJson } from './json.ts';

/**
 * `project`: `host|appId`. The attempt is part of it, so that a late report is not taken for that of a later publication; so is
 * the era, since HERE counts a device that was created anew from 1 again.
 */
export function correlationIdOf(
  project: string,
  {
    device,
    origin,
    version,
    era,
    id,
    document,
  }: Pick<Command, 'device' | 'origin' | 'version' | 'era' | 'id' | 'document'>,
  attempt: number,
): string {
  if (origin === 'message' && attempt === 1) {
    const own = parseJson(document);
    if (isObject(own) && typeof own.CorrelationID === 'string' && isCorrelationId(own.CorrelationID)) {
      return own.CorrelationID.toUpperCase();
    }
  }
  // A message has no version: its number in the data directory makes it one of a kind.
  const what = version === null ? `m${id}` : era === 0 ? `${version}` : `${version}.${era}`;
  const text = [project, device, what, attempt].join('\0');
  return createHash('sha256').update(text).digest('hex').slice(0, 16).toUpperCase();
}

function isCorrelationId(value: string): boolean {
  return /^[0-9A-Fa-f]{16}$/.test(value);
}
