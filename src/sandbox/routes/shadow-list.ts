// `GET /shadows/v4`: all shadows of a project, by default in the order of ids, or the latest change first.
import type { Session } from '../accounts.ts';
import { type Answer, HereError, json } from '../answer.ts';
import { type Call, pageToken, readPageToken } from '../call.ts';
import { type Device, OWNER, type Project } from '../devices.ts';
import { inIsoTimes, shadowOf } from '../shadow.ts';
import { projectById } from '../world.ts';
import { inBox } from './shadows.ts';

type Cursor = readonly (number | string)[] | null;

/** A device with the cursor of a page that would begin after it. */
type Step = readonly [device: Device, cursor: readonly (number | string)[]];

export function listShadows(call: Call, session: Session): Answer {
  const project = projectById(session, call.query.get('projectId'));
  const limit = call.integer('limit', 100, 1, 1000);
  const after = readAfter(call.query.get('after'));
  const box = readBox(call.query.getAll('bbox'));
  const sort = call.query.get('sort') ?? 'trackingId:asc';
  const steps = walk(project, sort, readPageToken(call.query.get('pageToken')));

  const items: unknown[] = [];
  let last: readonly (number | string)[] | null = null;
  let more = false;
  for (const [device, cursor] of steps) {
    if (device.owner !== OWNER.project) continue;
    if (after !== null && !(device.lastTimestamp > after)) continue;
    const shadow = shadowOf(device);
    if (box && !inBox(shadow.reported, box)) continue;
    if (items.length === limit) {
      more = true;
      break;
    }
    items.push({ ...identity(device), shadow: inIsoTimes(shadow) });
    last = cursor;
  }
  const next = more && last ? { nextPageToken: pageToken(last) } : {};
  return json({ limit, count: items.length, items, ...next });
}

/** HERE gives the external id and the appId instead of the tracking id for virtual devices. */
function identity(device: Device): Record<string, string> {
  if (device.externalId === null) return { trackingId: device.trackingId };
  return { externalId: device.externalId, appId: device.project.appId };
}

function walk(project: Project, sort: string, cursor: Cursor): Iterable<Step> {
  switch (sort) {
    case 'trackingId:asc':
      return byNumber(project, cursor, 1);
    case 'trackingId:desc':
      return byNumber(project, cursor, -1);
    case 'desired.timestamp:desc':
      return byChange(project, cursor);
    case 'desired.timestamp:asc':
      return sorted(project, cursor, (device) => device.desired?.timestamp ?? 0, 1);
    case 'reported.timestamp:asc':
      return sorted(project, cursor, (device) => device.lastTimestamp, 1);
    case 'reported.timestamp:desc':
      return sorted(project, cursor, (device) => device.lastTimestamp, -1);
    default:
      throw new HereError(400, 'sort must be (trackingId|reported.timestamp|desired.timestamp):(asc|desc).');
  }
}

function* byNumber(project: Project, cursor: Cursor, direction: 1 | -1): Generator<Step> {
  let number = cursor ? Number(cursor[0]) + direction : direction > 0 ? 0 : project.end - 1;
  for (; number >= 0 && number < project.end; number += direction) {
    const device = project.at(number);
    if (device) yield [device, [number]];
  }
}

/** Costs what has changed, not what there is; those that never changed follow in the order of ids. */
function* byChange(project: Project, cursor: Cursor): Generator<Step> {
  if (cursor?.[0] !== 'never') {
    let device = cursor ? afterChange(project, Number(cursor[1]), Number(cursor[2])) : project.latestChange;
    for (; device; device = device.older) yield [device, ['change', device.number, device.desiredChange]];
  }
  let number = cursor?.[0] === 'never' ? Number(cursor[1]) + 1 : 0;
  for (; number < project.end; number++) {
    const device = project.at(number);
    if (device && device.desiredChange === 0) yield [device, ['never', number]];
  }
}

/** The latest change before change number `change`, which was that of device `number` when the page ended. */
function afterChange(project: Project, number: number, change: number): Device | null {
  const there = project.at(number);
  if (there && there.desiredChange === change) return there.older;
  let device = project.latestChange;
  while (device && device.desiredChange >= change) device = device.older;
  return device;
}

function* sorted(
  project: Project,
  cursor: Cursor,
  key: (device: Device) => number,
  direction: 1 | -1,
): Generator<Step> {
  const devices: Device[] = [];
  for (let number = 0; number < project.end; number++) {
    const device = project.at(number);
    if (device) devices.push(device);
  }
  devices.sort((a, b) => direction * (key(a) - key(b)) || a.number - b.number);
  for (const device of devices) {
    const value = key(device);
    if (cursor) {
      const ahead = direction * (value - Number(cursor[0])) || device.number - Number(cursor[1]);
      if (ahead <= 0) continue;
    }
    yield [device, [value, device.number]];
  }
}

function readAfter(text: string | null): number | null {
  if (text === null) return null;
  const time = Date.parse(text);
  if (Number.isNaN(time)) throw new HereError(400, 'after must be a date-time.');
  return time;
}

function readBox(values: readonly string[]): readonly number[] | null {
  if (values.length === 0) return null;
  const numbers = values.flatMap((value) => value.split(',')).map(Number);
  if (numbers.length !== 4 || numbers.some((value) => !(value >= -180 && value <= 180))) {
    throw new HereError(400, 'bbox must have four numbers between -180 and 180.');
  }
  return numbers;
}
