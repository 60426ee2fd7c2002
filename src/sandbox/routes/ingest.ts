// `/v3/` and `/v3/batch`: telemetry. The hot path: each record is checked, found its device, and kept as text, once.
import type { Session } from '../accounts.ts';
import { type Answer, HereError, json, noContent } from '../answer.ts';
import type { Call } from '../call.ts';
import { type Device, OWNER, type Project } from '../devices.ts';
import type { ActiveFault } from '../faults.ts';
import { recordTexts } from '../record-texts.ts';
import { desiredOf, report } from '../shadow.ts';
import { badRecord, payloadTooLong } from '../validation/record.ts';
import { projectByAppId, visible, type World } from '../world.ts';

type Json = Record<string, unknown>;

/** Takes the whole batch or, when one record is bad or one device unknown, nothing of it. */
export function ingestBatch(world: World, call: Call, session: Session, bytes: number): Answer {
  const body = call.object();
  const project = projectOf(session, body.appId);
  const headers = permit(world, session, project);
  const faults = recordFaults(world, call, session, project);
  const data = records(world, body.data);
  try {
    const texts = check(world, call, data, true, faults, project);
    const devices = data.map((record, i) => ingestible(world, session, project, record.id as string, i, faults));
    accept(world, data, texts, devices, bytes);
  } catch (error) {
    if (error instanceof HereError) world.stats.refusedRecords += data.length;
    throw error;
  }
  return headers ? { ...noContent, headers } : noContent;
}

/** Several records of one device. Answers with the desired shadow unless `async=true`. */
export function ingestOne(world: World, call: Call, session: Session, bytes: number): Answer {
  const body = call.object();
  const later = call.flag('async', false);
  const project = projectOf(session, body.appId);
  const headers = permit(world, session, project);
  const faults = recordFaults(world, call, session, project);
  const { id } = body;
  if (typeof id !== 'string' || id.length < 1 || id.length > 50) {
    throw new HereError(400, 'id must be a string of 1 to 50 characters');
  }
  const data = records(world, body.data);
  const texts = check(world, call, data, false, faults, project, id);
  const device = ingestible(world, session, project, id, null, faults);
  accept(
    world,
    data,
    texts,
    data.map(() => device),
    bytes,
  );
  const answer = later ? noContent : json(desiredOf(device));
  return headers ? { ...answer, headers } : answer;
}

/** Null without `appId`: the ids are tracking ids then. */
function projectOf(session: Session, appId: unknown): Project | null {
  if (appId === undefined) return null;
  if (typeof appId !== 'string') throw new HereError(400, 'appId must be a string');
  const project = projectByAppId(session, appId);
  if (project.expired) throw new HereError(403, 'The licence has expired.');
  return project;
}

/** HERE counts requests by the plan of the appId; those without count for the account's first project. */
function permit(world: World, session: Session, project: Project | null): Readonly<Record<string, string>> | null {
  const appId = project?.appId ?? visible(session)[0]?.appId ?? '';
  const verdict = world.limits.take(appId, world.clock.monotonic());
  if (!verdict.ok) throw new HereError(429, undefined, verdict.headers);
  return verdict.headers;
}

function recordFaults(world: World, call: Call, session: Session, project: Project | null): readonly ActiveFault[] {
  if (world.faults.none) return [];
  const { email } = session.account;
  return world.faults.aboutRecords({ path: call.path, appId: project?.appId ?? null, email, records: 0, bytes: 0 });
}

function records(world: World, data: unknown): Json[] {
  if (!Array.isArray(data)) throw new HereError(400, 'data is required and must be an array');
  if (data.length > world.settings.maxBatchRecords) {
    world.stats.refusedRecords += data.length;
    throw new HereError(413);
  }
  return data as Json[];
}

/** Returns each record's JSON text; throws 400 for the first bad one. */
function check(
  world: World,
  call: Call,
  data: Json[],
  withId: boolean,
  faults: readonly ActiveFault[],
  project: Project | null,
  single?: string,
): string[] {
  const sent = recordTexts(call.body, data.length);
  const texts = sent ?? new Array<string>(data.length);
  for (let i = 0; i < data.length; i++) {
    const record = data[i]!;
    const wrong = badRecord(record, withId);
    if (wrong !== null) throw refusal(world, 400, `data[${i}]${wrong}`);
    if (!sent) texts[i] = textOf(world, record, i);
    if (payloadTooLong(record, texts[i]!)) throw refusal(world, 400, `data[${i}].payload must be at most 1000 bytes`);
    for (const fault of faults) {
      const device = single ?? (record.id as string);
      if (world.faults.choosesRecord(fault, device, record.timestamp as number)) {
        fault.struck++;
        const key = [project?.appId ?? '', device, record.timestamp as number] as const;
        world.recordFile?.refused(world.clock.now(), key);
        throw refusal(world, 400, `data[${i}] is refused by a fault of the sandbox`);
      }
    }
  }
  return texts;
}

function textOf(world: World, record: Json, index: number): string {
  try {
    return JSON.stringify(record);
  } catch {
    throw refusal(world, 400, `data[${index}] is nested too deeply`);
  }
}

function ingestible(
  world: World,
  session: Session,
  project: Project | null,
  id: string,
  index: number | null,
  faults: readonly ActiveFault[],
): Device {
  const device = project
    ? (project.byExternalId(id) ?? project.byGeneratedId(id))
    : (visible(session)
        .map((candidate) => candidate.byGeneratedId(id))
        .find((found) => found !== null) ?? null);
  const at = index === null ? 'id' : `data[${index}].id`;
  if (!device) throw refusal(world, 404, `${at}: the device was not found`);
  for (const fault of faults) {
    if (world.faults.choosesDevice(fault, id)) {
      device.project.remove(device, world.clock.now());
      if (device.externalId !== null) {
        world.recordFile?.removed(world.clock.now(), device.project.appId, device.externalId);
      }
      throw refusal(world, 404, `${at}: the device was not found`);
    }
  }
  if (device.owner !== OWNER.project) {
    throw refusal(world, world.settings.unclaimedStatus, `${at}: the device is not claimed`);
  }
  return device;
}

function refusal(world: World, status: number, message: string): HereError {
  return new HereError(status, world.settings.namesRecord ? message : undefined);
}

function accept(world: World, data: Json[], texts: string[], devices: Device[], bytes: number): void {
  const { stats, log, settings } = world;
  const receivedAt = world.clock.now();
  if (world.recordFile !== null) {
    const keys = devices.map(
      (device, i) => [device.project.appId, nameOf(device), data[i]!.timestamp as number] as const,
    );
    world.recordFile.accepted(receivedAt, keys, texts);
  }
  const request = ++stats.acceptedRequests;
  stats.acceptedRecords += data.length;
  if (data.length > stats.largestRecords) stats.largestRecords = data.length;
  if (bytes > stats.largestBytes) stats.largestBytes = bytes;
  for (let i = 0; i < data.length; i++) {
    const device = devices[i]!;
    const text = texts[i]!;
    const timestamp = data[i]!.timestamp as number;
    device.accepted++;
    // Only a record that is not newer than all before it can be one of them: looking is rare.
    if (timestamp <= device.lastTimestamp) {
      if (log.has(device, timestamp, text)) {
        device.duplicates++;
        stats.duplicates++;
      } else if (timestamp < device.lastTimestamp) {
        device.outOfOrder++;
        stats.outOfOrder++;
      }
    }
    report(device, data[i]!, timestamp, text);
    if (settings.keepRecords > 0) log.append(device, timestamp, text, receivedAt, request);
  }
  for (const listen of world.onAccepted) listen();
}

function nameOf(device: Device): string {
  return device.externalId ?? device.trackingId;
}
