// `/sandbox/…`: the admin paths, which HERE does not have. No log-in, no faults, no request-id rules.
import { type Answer, HereError, json, noContent } from '../answer.ts';
import { type Call, pageToken, readPageToken } from '../call.ts';
import type { Control, DeviceAction } from '../control.ts';
import { readFault } from '../faults.ts';
import type { RateLimit } from '../options.ts';

const ACTIONS: readonly DeviceAction[] = ['provision', 'claim', 'unclaim', 'claimElsewhere', 'remove'];

/** `describe` gives what `GET /sandbox` shows: how to log in. */
export function adminRoutes(control: Control, describe: () => unknown): (call: Call) => Answer {
  return (call) => {
    const [, area = '', name = '', action = ''] = call.segments;
    try {
      switch (`${call.method} ${area}`) {
        case 'GET ':
          return json(describe());
        case 'GET stats':
          return json(control.stats());
        case 'GET received':
          return received(control, call);
        case 'GET devices':
          return deviceCounts(control, call);
        case 'POST devices':
          return changeDevices(control, call);
        case 'GET faults':
          return json({ faults: control.faults() });
        case 'POST faults':
          return addFaults(control, call);
        case 'DELETE faults':
          return control.removeFault(name === '' ? undefined : Number(name)) ? noContent : notFound();
        case 'PUT rate-limit':
          return setRateLimit(control, call);
        case 'GET accounts':
          return json({ accounts: control.accounts() });
        case 'POST accounts':
          return changeAccount(control, call, call.segment(2), action);
        case 'POST projects':
          return changeProject(control, call, name);
        case 'POST reset':
          control.reset();
          return noContent;
        default:
          return notFound();
      }
    } catch (error) {
      if (error instanceof HereError) throw error;
      throw new HereError(404, error instanceof Error ? error.message : 'Not found');
    }
  };
}

function notFound(): never {
  throw new HereError(404);
}

/** Pages go by `pageToken`; `from` and `to` are ms. */
function received(control: Control, call: Call): Answer {
  const limit = call.integer('limit', 1000, 1, 10_000);
  const appId = call.query.get('appId');
  const device = call.query.get('device');
  const from = call.time('from', 0);
  const to = call.time('to', 0);
  const records = control.received({
    limit,
    afterSeq: Number(readPageToken(call.query.get('pageToken'))?.[0] ?? 0),
    ...(appId === null ? {} : { appId }),
    ...(device === null ? {} : { device }),
    ...(from === null ? {} : { from }),
    ...(to === null ? {} : { to }),
  });
  const last = records.at(-1);
  return json({ records, ...(records.length === limit && last ? { nextPageToken: pageToken([last.seq]) } : {}) });
}

function deviceCounts(control: Control, call: Call): Answer {
  const limit = call.integer('limit', 1000, 1, 10_000);
  const skip = Number(readPageToken(call.query.get('pageToken'))?.[0] ?? 0);
  const devices: unknown[] = [];
  let place = 0;
  for (const counts of control.devices(call.query.get('appId') ?? undefined)) {
    if (place++ < skip) continue;
    if (devices.length === limit) return json({ devices, nextPageToken: pageToken([skip + limit]) });
    devices.push(counts);
  }
  return json({ devices });
}

function changeDevices(control: Control, call: Call): Answer {
  const { appId, ids } = call.object();
  const action = ACTIONS.find((known) => known === call.object().action);
  if (typeof appId !== 'string' || !action)
    throw new HereError(400, `appId and action (${ACTIONS.join(', ')}) are required`);
  if (!Array.isArray(ids) || !ids.every((id) => typeof id === 'string' && id.length >= 1 && id.length <= 50)) {
    throw new HereError(400, 'ids must be an array of strings of 1 to 50 characters');
  }
  return json({ changed: control.changeDevices(appId, action, ids) });
}

/** One rule or an array of them. */
function addFaults(control: Control, call: Call): Answer {
  const body = call.json();
  const rules = (Array.isArray(body) ? (body as unknown[]) : [body]).map((value) => {
    const rule = readFault(value);
    if (typeof rule === 'string') throw new HereError(400, rule);
    return rule;
  });
  return json({ ids: rules.map((rule) => control.addFault(rule)) }, 201);
}

/** `{appId?, limit, windowMs?}`; `limit` null: no limit. */
function setRateLimit(control: Control, call: Call): Answer {
  const { appId, limit, windowMs = 1000 } = call.object();
  if (appId !== undefined && typeof appId !== 'string') throw new HereError(400, 'appId must be a string');
  if (limit !== null && (typeof limit !== 'number' || !(limit >= 0)))
    throw new HereError(400, 'limit must be a number or null');
  if (typeof windowMs !== 'number' || !(windowMs > 0)) throw new HereError(400, 'windowMs must be a positive number');
  const rate: RateLimit | null = limit === null ? null : { limit, windowMs };
  control.setRateLimit(appId ?? null, rate);
  return noContent;
}

function changeAccount(control: Control, call: Call, email: string, action: string): Answer {
  switch (action) {
    case 'revoke':
      return json({ revoked: control.revokeTokens(email) });
    case 'unlock':
      control.unlock(email);
      return noContent;
    case 'lock':
      control.lock(email);
      return noContent;
    case 'password': {
      const { password } = call.object();
      if (typeof password !== 'string' || password === '') throw new HereError(400, 'password must be a string');
      control.setPassword(email, password);
      return noContent;
    }
    default:
      return notFound();
  }
}

/** `{expired?, expiryDate?, quota?}` */
function changeProject(control: Control, call: Call, appId: string): Answer {
  const { expired, expiryDate, quota } = call.object();
  if (typeof expired === 'boolean') control.setExpired(appId, expired);
  if (typeof expiryDate === 'string' && !Number.isNaN(Date.parse(expiryDate))) control.setExpiryDate(appId, expiryDate);
  if (typeof quota === 'number' && quota >= 0) control.setQuota(appId, quota);
  return noContent;
}
