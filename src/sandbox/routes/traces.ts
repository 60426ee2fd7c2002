// `/traces/v2`: what a device has sent, the latest first.
import type { Session } from '../accounts.ts';
import { type Answer, HereError, json, noContent } from '../answer.ts';
import { type Call, pageToken, readPageToken } from '../call.ts';
import { claimedDevice, type World } from '../world.ts';

/** HERE answers for 18 days in one query. */
const MAX_SPAN_MS = 18 * 86_400_000;

/** A range without a lower end is the 18 days before its upper end; a longer one is refused. Both ends belong to it. */
export function readTraces(world: World, call: Call, session: Session): Answer {
  const device = claimedDevice(session, call.segment(2), call.appId());
  const count = call.integer('count', 1000, 1, 1000);
  const before = call.time('before', 1) ?? world.clock.now();
  const after = call.time('after', 0) ?? Math.max(0, before - MAX_SPAN_MS);
  if (after > before) throw new HereError(400, 'after must not be later than before.');
  if (before - after > MAX_SPAN_MS) throw new HereError(400, 'The range must not be longer than 18 days.');
  call.flag('outliers', false);
  call.flag('smooth', false);
  const skip = Number(readPageToken(call.query.get('pageToken'))?.[0] ?? 0);

  const found: { timestamp: number; receivedAt: number; text: string }[] = [];
  for (const record of world.log.ofDevice(device, world.settings.keepRecords)) {
    if (record.timestamp >= after && record.timestamp <= before) found.push(record);
  }
  found.sort((a, b) => b.timestamp - a.timestamp);
  const data = found.slice(skip, skip + count).map(({ timestamp, receivedAt, text }) => {
    const { position, system, payload } = JSON.parse(text) as Record<string, unknown>;
    return {
      timestamp,
      serverTimestamp: receivedAt,
      ...(position === undefined ? {} : { position }),
      ...(system === undefined ? {} : { system }),
      ...(payload === undefined ? {} : { payload }),
    };
  });
  const more = skip + count < found.length ? { pageToken: pageToken([skip + count]) } : {};
  return json({ count: data.length, data, ...more });
}

/** Forgets the device's records; its counters stay. */
export function deleteTraces(call: Call, session: Session): Answer {
  claimedDevice(session, call.segment(2), call.appId()).lastSeq = 0;
  return noContent;
}
