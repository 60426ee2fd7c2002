// `/users/v2`: log-in, renewal, project-scoped tokens, the devices of a project.
import type { Session } from '../accounts.ts';
import { type Answer, HereError, json } from '../answer.ts';
import { type Call, pageToken, readPageToken } from '../call.ts';
import { type Device, OWNER } from '../devices.ts';
import { shadowOf } from '../shadow.ts';
import { projectById, type World } from '../world.ts';

function text(body: Record<string, unknown>, name: string): string {
  const value = body[name];
  if (typeof value !== 'string' || value.length < 1)
    throw new HereError(400, `${name} is required and must be a string.`);
  return value;
}

export function logIn(world: World, call: Call): Answer {
  const body = call.object();
  const realm = body.realm === undefined ? null : text(body, 'realm');
  return json(world.accounts.logIn(text(body, 'email'), text(body, 'password'), realm));
}

export function refresh(world: World, call: Call): Answer {
  const body = call.object();
  return json(world.accounts.refresh(text(body, 'accessToken'), text(body, 'refreshToken')));
}

export function exchange(world: World, call: Call): Answer {
  const body = call.object();
  const { accessToken, expiresIn, scope } = world.accounts.exchange(text(body, 'accessToken'), text(body, 'scope'));
  const issuedTokenType = 'urn:ietf:params:oauth:token-type:access_token';
  return json({ accessToken, expiresIn, scope, issuedTokenType, tokenType: 'Bearer' });
}

/** Claimed devices, in the order in which they were created. */
export function listDevices(call: Call, session: Session): Answer {
  const project = projectById(session, call.query.get('projectId'));
  const count = call.integer('count', 100, 1, 100);
  const from = Number(readPageToken(call.query.get('pageToken'))?.[0] ?? 0);
  const data: unknown[] = [];
  let number = from;
  for (; number < project.end && data.length < count; number++) {
    const device = project.at(number);
    if (device?.owner === OWNER.project) data.push({ ...identity(device), shadow: shadowOf(device) });
  }
  const more = number < project.end ? { pageToken: pageToken([number]) } : {};
  return json({ count: data.length, data, ...more });
}

function identity(device: Device): Record<string, string> {
  if (device.externalId === null) return { trackingId: device.trackingId };
  return { trackingId: device.trackingId, externalId: device.externalId, appId: device.project.appId };
}
