// `/shadows/v2` and `/shadows/v4`: reading shadows, and writing what an application desires.
import type { Session } from '../accounts.ts';
import { type Answer, HereError, json, noContent } from '../answer.ts';
import type { Call } from '../call.ts';
import { type Device, OWNER } from '../devices.ts';
import { desiredOf, reportedOf, shadowOf } from '../shadow.ts';
import { badDesired } from '../validation/desired.ts';
import { isObject } from '../validation/fields.ts';
import { claimedDevice, findDevice, type World } from '../world.ts';

const MAX_SHADOW_BYTES = 1000;

export function readShadow(call: Call, session: Session): Answer {
  return json(shadowOf(claimedDevice(session, call.segment(2), call.appId())));
}

export function readState(call: Call, session: Session): Answer {
  const state = call.segment(3);
  if (state !== 'desired' && state !== 'reported') throw new HereError(400, 'The state must be desired or reported.');
  const device = claimedDevice(session, call.segment(2), call.appId());
  return json(state === 'desired' ? desiredOf(device) : reportedOf(device));
}

/** The payload is replaced, settings are changed one by one; either way the state version grows. */
export function writeDesired(world: World, call: Call, session: Session): Answer {
  const length = call.contentLength ?? call.body.length;
  if (length > MAX_SHADOW_BYTES) throw new HereError(413);
  const device = claimedDevice(session, call.segment(2), call.appId());
  const body = call.object();
  const wrong = badDesired(body);
  if (wrong) throw new HereError(400, wrong);
  setDesired(device, body.desired as DesiredChange, world.clock.now());
  return json({ desired: desiredOf(device) });
}

export interface DesiredChange {
  readonly payload?: Record<string, unknown>;
  readonly system?: Record<string, unknown>;
}

/** Of what was checked. Returns the new state version. */
export function setDesired(device: Device, wanted: DesiredChange, now: number): number {
  const before = device.desired;
  const payload = wanted.payload ?? before?.payload;
  device.project.setDesired(device, {
    ...(payload ? { payload } : {}),
    system: {
      lastModifiedGeofenceTimestamp: 0,
      ...before?.system,
      ...wanted.system,
      stateVersion: ++device.desiredVersion,
    },
    timestamp: now,
  });
  return device.desiredVersion;
}

/** Clears both halves unless one is excepted. A state version that was given once is not given again. */
export function clearShadow(call: Call, session: Session): Answer {
  const device = claimedDevice(session, call.segment(2), call.appId());
  if (call.flag('desired', true)) device.project.setDesired(device, null);
  if (call.flag('reported', true)) device.clearReported();
  return noContent;
}

/** At most 100; in the order asked for. With `after`, what has not changed since then is left out of the answer. */
export function readBatch(world: World, call: Call, session: Session): Answer {
  const appId = call.appId();
  const after = call.time('after', 0);
  if (after !== null && after > world.clock.now()) throw new HereError(400, 'after must not be in the future.');
  const ids = call.json();
  if (!Array.isArray(ids) || ids.length < 1 || ids.length > 100) {
    throw new HereError(400, 'The body must be an array of 1 to 100 ids.');
  }
  const answers: unknown[] = [];
  for (const id of ids as unknown[]) {
    if (typeof id !== 'string' || id.length < 1 || id.length > 50) {
      throw new HereError(400, 'An id must be a string of 1 to 50 characters.');
    }
    const device = findDevice(session, id, appId);
    const name = appId === null ? { trackingId: id } : { externalId: id, appId };
    if (!device || device.owner !== OWNER.project) {
      answers.push({ ...name, statusCode: device ? 403 : 404 });
      continue;
    }
    const modified = Math.max(device.desired?.timestamp ?? 0, device.lastTimestamp);
    if (after !== null && modified < after) continue;
    answers.push({ ...name, statusCode: 200, body: shadowOf(device) });
  }
  return json(answers);
}

/** Whether a reported position lies in a box given by its northwest and southeast corners (lat, lng, lat, lng). */
export function inBox(reported: Record<string, unknown>, box: readonly number[]): boolean {
  const [north = 90, west = -180, south = -90, east = 180] = box;
  if (!isObject(reported.position)) return false;
  const { lat, lng } = reported.position as { lat: number; lng: number };
  return lat <= north && lat >= south && (west <= east ? lng >= west && lng <= east : lng >= west || lng <= east);
}
