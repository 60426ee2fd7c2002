// Sort: whom a message concerns, found once for all connections that read it together. What was decoded is left with the message,
// so that those whom it concerns need not do it again.
import type { Sort, Sorted } from '../domain/ports/broker.ts';
import { SKIP_REASONS, type SkipReason, type UplinkOutcome } from '../domain/uplink.ts';
import { compileDecode, type DecodeOptions } from './decode.ts';
import { tagsOf } from './matchers.ts';

const NO_MATCH: UplinkOutcome = Object.freeze({ kind: 'filtered', reason: 'noMatch' });
const SKIPPED = new Map<SkipReason, UplinkOutcome>(
  SKIP_REASONS.map((reason) => [reason, Object.freeze({ kind: 'skipped', reason })]),
);

/**
 * Messages that name no device in their body are everybody's concern: a connection's topic pattern may know it, and each
 * keeps what cannot be read by itself.
 */
export function compileSort({ maxMessageBytes }: Pick<DecodeOptions, 'maxMessageBytes'>): Sort {
  const decode = compileDecode({ maxMessageBytes, deviceOfTopic: null });
  return (message): Sorted | null => {
    if (message.retain) return null;
    const decoded = decode(message.topic, message.payload);
    if (decoded.kind === 'unreadable') return null;
    if (message.shared !== undefined) message.shared.decoded = decoded;
    if (decoded.kind === 'frame') {
      const { frame } = decoded;
      return { device: frame.device, tags: () => tagsOf(frame), otherwise: NO_MATCH };
    }
    const otherwise = SKIPPED.get(decoded.reason);
    if (decoded.device === null || otherwise === undefined) return null;
    return { device: decoded.device, tags: () => null, otherwise };
  };
}
