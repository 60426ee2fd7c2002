// Which HERE project an account's telemetry goes to: lists the licences and chooses.
import type { OpenProjectOutcome } from '../domain/ports/here.ts';
import type { AuthorizedCalls } from './authorized.ts';
import { hereAnswerOf, isTransient, parseObject, retryAfterMs } from './outcome.ts';

export interface Licence {
  readonly appId: string;
  readonly projectId: string | null;
  readonly projectName: string;
  /** Platform projects have one: their tokens are exchanged for it. */
  readonly projectHrn: string | null;
  /** HERE's word for the kind of licence, such as `trial`; null: not told. */
  readonly type: string | null;
  readonly isExpired: boolean;
  /** Wall-clock ms; null: not told, or not as a date. */
  readonly endsAt: number | null;
  /** How many more devices HERE provisions; null: not told. */
  readonly devicesLeft: number | null;
}

export type LicencesOutcome =
  | { readonly kind: 'ok'; readonly licences: readonly Licence[] }
  | Extract<OpenProjectOutcome, { kind: 'refused' | 'retry' }>;

export type Choice =
  | { readonly kind: 'ok'; readonly licence: Licence; readonly otherFirst: string | null }
  | Extract<OpenProjectOutcome, { kind: 'missing' | 'expired' }>;

const PAGE = 100;
/** A thousand projects of one account; more are not looked at. */
const MAX_PAGES = 10;
/** Kinds of projects that take no telemetry of ours, should a licence be of one. Source: `projectTypes` of the same call. */
const OTHER_TYPES = new Set(['indoor', 'lastmile', 'trackingAzure']);

/** `GET /registry/v2/licenses` of tracking projects, in HERE's order, page by page. */
export async function listLicences(
  calls: AuthorizedCalls,
  wallMs: () => number,
  signal: AbortSignal,
): Promise<LicencesOutcome> {
  const licences: Licence[] = [];
  for (let page = 0; page < MAX_PAGES; page++) {
    const start = page * PAGE;
    const path = `/registry/v2/licenses?projectTypes=tracking&startIndex=${start}&endIndex=${start + PAGE}`;
    const answer = await calls.call({ method: 'GET', path, signal });
    if (answer.kind === 'noToken') {
      const { outcome } = answer;
      return outcome.kind === 'retry'
        ? { kind: 'retry', afterMs: outcome.afterMs, message: outcome.message }
        : { kind: 'refused', message: outcome.message };
    }
    const listed = answer.kind === 'answer' && answer.status === 200 ? parseObject(answer.body) : null;
    if (listed === null || !Array.isArray(listed.licenses)) {
      const { message } = hereAnswerOf(answer);
      const afterMs = answer.kind === 'answer' ? retryAfterMs(answer.headers, wallMs()) : null;
      // A 401 here is one after the renewal: the next try logs in.
      const isLater =
        isTransient(answer) || (answer.kind === 'answer' && (answer.status === 401 || answer.status === 404));
      return isLater
        ? { kind: 'retry', afterMs, message: `the projects could not be listed: ${message}` }
        : { kind: 'refused', message: `HERE does not list the account's projects: ${message}` };
    }
    for (const item of listed.licenses) {
      const licence = licenceOf(item, wallMs());
      if (licence !== null) licences.push(licence);
    }
    const total = typeof listed.total === 'number' ? listed.total : 0;
    if (listed.licenses.length === 0 || start + listed.licenses.length >= total) break;
  }
  return { kind: 'ok', licences };
}

/**
 * `appId` null: the remembered project as long as it is listed, even expired (a silent switch would send a fleet elsewhere),
 * else the first unexpired one.
 */
export function chooseProject(licences: readonly Licence[], appId: string | null, remembered: string | null): Choice {
  const first = licences.find((licence) => !licence.isExpired);
  if (appId !== null) {
    const named = licences.find((licence) => licence.appId === appId);
    if (named === undefined) {
      return { kind: 'missing', message: `the account has no tracking project with the app ID ${appId}` };
    }
    return named.isExpired ? expired(named) : { kind: 'ok', licence: named, otherFirst: null };
  }
  const kept = remembered === null ? undefined : licences.find((licence) => licence.appId === remembered);
  if (kept?.isExpired) return expired(kept);
  const licence = kept ?? first;
  if (licence === undefined) {
    const any = licences[0];
    return any === undefined
      ? { kind: 'missing', message: 'the account has no tracking project' }
      : { kind: 'expired', message: "the licences of all the account's tracking projects have ended" };
  }
  const isOtherFirst = first !== undefined && licences.indexOf(first) < licences.indexOf(licence);
  return { kind: 'ok', licence, otherFirst: isOtherFirst ? first.appId : null };
}

export function expired(licence: Licence): Extract<Choice, { kind: 'expired' }> {
  return { kind: 'expired', message: `the licence of project ${licence.projectName} (${licence.appId}) has ended` };
}

/** null: no licence of a tracking project that we could use. */
function licenceOf(item: unknown, wallMs: number): Licence | null {
  if (typeof item !== 'object' || item === null) return null;
  const {
    appId,
    projectId,
    projectName,
    projectHrn,
    type,
    expired: flag,
    expiryDate,
    quota,
  } = item as Record<string, unknown>;
  // The app ID becomes part of paths.
  if (typeof appId !== 'string' || !/^[A-Za-z0-9_-]{1,100}$/.test(appId)) return null;
  if (typeof type === 'string' && OTHER_TYPES.has(type)) return null;
  const endsAt = typeof expiryDate === 'string' ? Date.parse(expiryDate) : Number.NaN;
  return {
    appId,
    projectId: text(projectId, 50),
    projectName: text(projectName, 50) ?? appId,
    projectHrn: typeof projectHrn === 'string' && /^hrn:here\S{1,300}$/.test(projectHrn) ? projectHrn : null,
    type: text(type, 50),
    isExpired: typeof flag === 'boolean' ? flag : endsAt <= wallMs,
    endsAt: Number.isNaN(endsAt) ? null : endsAt,
    devicesLeft: leftOf(quota),
  };
}

/** Source: `quota.provisioning` is "the number of devices that can still be provisioned". */
function leftOf(quota: unknown): number | null {
  if (typeof quota !== 'object' || quota === null) return null;
  const { provisioning } = quota as Record<string, unknown>;
  return typeof provisioning === 'number' && Number.isFinite(provisioning) ? Math.max(0, provisioning) : null;
}

function text(value: unknown, maxChars: number): string | null {
  return typeof value === 'string' && value !== '' ? value.slice(0, maxChars) : null;
}
