// `/registry/v2`: licences, provisioning by jobs, claiming and unclaiming.
import type { Session } from '../accounts.ts';
import { type Answer, HereError, json, noContent } from '../answer.ts';
import { type Call, pageToken, readPageToken } from '../call.ts';
import { OWNER, type Project } from '../devices.ts';
import type { Job } from '../jobs.ts';
import { claimedDevice, findDevice, projectByAppId, projectById, type World } from '../world.ts';

/** All projects of the account, those too that need a token of their own; a scoped token sees its one. */
export function licenses(call: Call, session: Session): Answer {
  const start = call.integer('startIndex', 0, 0, Number.MAX_SAFE_INTEGER);
  const end = call.integer('endIndex', 100, 0, Number.MAX_SAFE_INTEGER);
  const ids = call.query.getAll('projectIds');
  const kinds = call.query.getAll('projectTypes');
  const projects = (session.scope ? [session.scope] : session.account.projects).filter(
    (project) =>
      (ids.length === 0 || ids.includes(project.projectId)) && (kinds.length === 0 || kinds.includes(project.kind)),
  );
  const listed = projects.slice(start, end).map((project) => license(project, session.account.realm));
  return json({ licenses: listed, start, end: Math.min(end, start + listed.length), total: projects.length });
}

function license(project: Project, realm: string | null): Record<string, unknown> {
  return {
    appId: project.appId,
    projectId: project.projectId,
    projectName: project.name,
    ...(project.hrn ? { projectHrn: project.hrn, realm: realm ?? 'HERE' } : {}),
    type: project.type,
    expired: project.expired,
    expiryDate: project.expired ? '2020-01-01T00:00:00.000Z' : project.expiryDate,
    features: [project.kind],
    quota: { provisioning: Math.max(0, project.quota) },
  };
}

export function licenseCount(call: Call, session: Session): Answer {
  const project = projectByAppId(session, call.segment(2));
  return json({ count: project.size, updatedAt: new Date(project.updatedAt).toISOString() });
}

export function listProvisioned(call: Call, session: Session): Answer {
  const project = projectByAppId(session, call.segment(2));
  const count = call.integer('count', 100, 1, 100);
  let number = Number(readPageToken(call.query.get('pageToken'))?.[0] ?? 0);
  const data: unknown[] = [];
  for (; number < project.end && data.length < count; number++) {
    const device = project.at(number);
    if (!device) continue;
    const virtual = device.externalId === null ? {} : { externalId: device.externalId, appId: project.appId };
    data.push({ deviceId: device.deviceId, timestamp: device.provisionedAt, ...virtual });
  }
  const more = number < project.end ? { pageToken: pageToken([number]) } : {};
  return json({ count: data.length, data, ...more });
}

export function createDevices(world: World, call: Call, session: Session): Answer {
  const project = projectByAppId(session, call.segment(2));
  if (project.expired) throw new HereError(403, 'The licence has expired.');
  const autoclaim = call.flag('autoclaim', false);
  const body = call.object();
  if (body.devices === undefined) {
    const { count } = body;
    if (typeof count !== 'number' || !Number.isInteger(count) || count < 1 || count > 1000) {
      throw new HereError(400, 'devices, or count between 1 and 1000, is required.');
    }
    if (autoclaim) throw new HereError(400, 'autoclaim is supported with devices only.');
    return json({ jobId: world.jobs.createPhysical(session.account, project, count).id }, 202);
  }
  if (body.count !== undefined) throw new HereError(400, 'devices and count exclude each other.');
  const ids = readIds(body.devices);
  return json({ jobId: world.jobs.createVirtual(session.account, project, ids, autoclaim).id }, 202);
}

function readIds(devices: unknown): string[] {
  if (!Array.isArray(devices) || devices.length < 1 || devices.length > 100) {
    throw new HereError(400, 'devices must be an array of 1 to 100 items.');
  }
  return devices.map((device: unknown, i) => {
    const id = typeof device === 'object' && device !== null ? (device as Record<string, unknown>).id : undefined;
    if (typeof id !== 'string' || id.length < 1 || id.length > 50) {
      throw new HereError(400, `devices[${i}].id must be a string of 1 to 50 characters.`);
    }
    return id;
  });
}

function jobOf(world: World, call: Call, session: Session): Job {
  const job = world.jobs.get(call.segment(2));
  if (!job || job.account !== session.account) throw new HereError(404);
  return job;
}

export function jobStatus(world: World, call: Call, session: Session): Answer {
  const job = jobOf(world, call, session);
  return json({ status: job.complete ? 'complete' : 'started', percent: world.jobs.percent(job) });
}

/** 404 before the job is complete: there are no results yet. Errors come with the first page. */
export function jobResults(world: World, call: Call, session: Session): Answer {
  const job = jobOf(world, call, session);
  if (!job.complete) throw new HereError(404, 'The job is not complete.');
  const count = call.integer('count', 100, 1, 100);
  const from = Number(readPageToken(call.query.get('pageToken'))?.[0] ?? 0);
  const data = job.results.slice(from, from + count);
  const more = from + count < job.results.length ? { pageToken: pageToken([from + count]) } : {};
  const errors = from === 0 && job.errors.length > 0 ? { errors: job.errors } : {};
  return json({ count: data.length, data, ...errors, ...more });
}

export function trackingIdOf(call: Call, session: Session): Answer {
  return json({ trackingId: claimedDevice(session, call.segment(3), call.appId()).trackingId });
}

export function deviceIdOf(call: Call, session: Session): Answer {
  return json({ deviceId: claimedDevice(session, call.segment(2), call.appId()).deviceId });
}

/** A virtual device is claimed for the project of its `appId`; with several projects, `projectId` must be given. */
export function claim(call: Call, session: Session): Answer {
  const device = findDevice(session, call.segment(3), call.appId());
  const body = call.body.length > 0 ? call.object() : {};
  const target =
    typeof body.ownerAppId === 'string'
      ? projectByAppId(session, body.ownerAppId)
      : projectById(session, call.query.get('projectId'));
  if (target.expired) throw new HereError(403, 'The licence has expired.');
  if (!device) throw new HereError(404);
  if (device.project !== target) throw new HereError(403);
  if (device.owner === OWNER.elsewhere) throw new HereError(409);
  if (device.owner === OWNER.project) return json({ trackingId: device.trackingId });
  target.claim(device);
  return json({ trackingId: device.trackingId }, 201);
}

export function unclaim(call: Call, session: Session): Answer {
  const device = claimedDevice(session, call.segment(2), call.appId());
  device.owner = OWNER.none;
  device.clearReported();
  device.project.setDesired(device, null);
  return noContent;
}

/** The licence ends. A device must be unclaimed first. */
export function deactivate(world: World, call: Call, session: Session): Answer {
  const device = findDevice(session, call.segment(3), call.appId());
  if (!device) throw new HereError(404);
  if (device.owner !== OWNER.none) throw new HereError(403, 'The device must be unclaimed first.');
  device.project.remove(device, world.clock.now());
  return noContent;
}
