// HERE's calls about shadows on the wire: which changed last, some by id, and writing what is desired.
// Source of paths, parameters and answers: HERE's OpenAPI document, "Shadows".
import type { Clock } from '../domain/ports/clock.ts';
import type { DesireOutcome, ShadowCalls, ShadowChange, ShadowFailure, ShadowPage } from '../domain/ports/downlink.ts';
import type { HereAnswer } from '../domain/ports/here.ts';
import type { AuthorizedCall, AuthorizedCalls, NoToken } from './authorized.ts';
import type { GateWithEyes } from './device-calls.ts';
import type { HttpAnswer } from './http.ts';
import { httpDate } from './http-date.ts';
import { hereAnswerOf, isTransient, parseObject, retryAfterMs } from './outcome.ts';

export interface ProjectShadowsOptions {
  readonly appId: string;
  /** null: HERE takes the account's only project. */
  readonly projectId: string | null;
  readonly calls: AuthorizedCalls;
  readonly gate: GateWithEyes;
  readonly clock: Clock;
}

/** HERE takes 1000 bytes from applications; what is much longer cannot be one's. */
const MAX_DOCUMENT = 16_384;
const BACKGROUND = 0;
const EUI = /^[0-9A-Fa-f]{16}$/;
/** A page token comes back as it is: it must not carry anything else into the path. */
const MAX_TOKEN = 4_000;

type Json = Readonly<Record<string, unknown>>;

export class ProjectShadows implements ShadowCalls {
  readonly #options: ProjectShadowsOptions;

  constructor(options: ProjectShadowsOptions) {
    this.#options = options;
  }

  async page(limit: number, token: string | null, signal: AbortSignal): Promise<ShadowPage> {
    const { projectId } = this.#options;
    const query = new URLSearchParams({ sort: 'desired.timestamp:desc', limit: String(limit) });
    if (projectId !== null) query.set('projectId', projectId);
    if (token !== null) query.set('pageToken', token);
    const answer = await this.#call({ method: 'GET', path: `/shadows/v4?${query}`, signal });
    const body = answer.kind === 'answer' && answer.status === 200 ? parseObject(answer.body) : null;
    if (answer.kind !== 'answer' || body === null || !Array.isArray(body.items)) return this.#failure(answer);
    const items: readonly unknown[] = body.items;
    const next = typeof body.nextPageToken === 'string' && body.nextPageToken.length <= MAX_TOKEN;
    const last = items.length === 0 ? Number.NaN : timeOf(shadowOf(items.at(-1), 'shadow').desired.timestamp);
    return {
      kind: 'ok',
      changes: this.#changes(items, 'shadow'),
      oldestAt: Number.isNaN(last) ? null : last,
      next: next ? (body.nextPageToken as string) : null,
      hereNow: httpDate(answer.headers.date ?? '', this.#options.clock.now()),
    };
  }

  async some(devices: readonly string[], after: number | null, signal: AbortSignal): Promise<ShadowPage> {
    const query = new URLSearchParams({ appId: this.#options.appId });
    if (after !== null) query.set('after', String(Math.max(0, Math.floor(after))));
    const body = JSON.stringify(devices);
    const answer = await this.#call({ method: 'POST', path: `/shadows/v2/batch?${query}`, body, signal });
    const items = answer.kind === 'answer' && answer.status === 200 ? parseList(answer.body) : null;
    if (answer.kind !== 'answer' || items === null) return this.#failure(answer);
    const changes = this.#changes(items, 'body');
    return {
      kind: 'ok',
      changes,
      oldestAt: null,
      next: null,
      hereNow: httpDate(answer.headers.date ?? '', this.#options.clock.now()),
    };
  }

  async desire(device: string, desired: string, signal: AbortSignal): Promise<DesireOutcome> {
    const path = `/shadows/v2/${encodeURIComponent(device)}?appId=${encodeURIComponent(this.#options.appId)}`;
    const answer = await this.#call({ method: 'PUT', path, body: `{"desired":${desired}}`, signal });
    if (answer.kind === 'answer') {
      if (answer.status === 200) {
        const written = objectOf(parseObject(answer.body)?.desired);
        return { kind: 'ok', version: versionOf(objectOf(written.system).stateVersion) };
      }
      if (answer.status === 404) return { kind: 'unknownDevice', answer: hereAnswerOf(answer) };
      if (answer.status === 400 || answer.status === 413) return { kind: 'invalid', answer: hereAnswerOf(answer) };
    }
    return this.#failure(answer);
  }

  async #call(call: Omit<AuthorizedCall, 'again'>): Promise<HttpAnswer | NoToken> {
    const { calls, gate } = this.#options;
    try {
      return await gate.run(BACKGROUND, call.signal, async () => {
        const answer = await calls.call({ ...call, again: (signal) => gate.again(signal) });
        if (answer.kind !== 'noToken') gate.observe(answer);
        return answer;
      });
    } catch {
      // Aborted before a permit came.
      return { kind: 'noAnswer', cause: 'stopped', maybeSent: false, message: 'stopped', requestId: '' };
    }
  }

  #failure(answer: HttpAnswer | NoToken): ShadowFailure {
    if (answer.kind === 'noToken') {
      const { outcome } = answer;
      const words: HereAnswer = { status: 0, hereErrorCode: null, message: outcome.message, requestId: '' };
      return { kind: 'retry', afterMs: outcome.kind === 'retry' ? outcome.afterMs : null, answer: words };
    }
    const words = hereAnswerOf(answer);
    const afterMs = answer.kind === 'answer' ? retryAfterMs(answer.headers, this.#options.clock.now()) : null;
    // A 401 here is one after the renewal: the connection logs in again by itself.
    const isLater = isTransient(answer) || (answer.kind === 'answer' && answer.status === 401);
    return isLater ? { kind: 'retry', afterMs, answer: words } : { kind: 'refused', answer: words };
  }

  /** Only those of DevEUIs of this project that were ever changed; the rest is none of ours. */
  #changes(items: readonly unknown[], name: 'shadow' | 'body'): ShadowChange[] {
    const changes: ShadowChange[] = [];
    for (const item of items) {
      const { externalId, appId } = objectOf(item);
      if (typeof externalId !== 'string' || !EUI.test(externalId)) continue;
      if (appId !== undefined && appId !== this.#options.appId) continue;
      const { desired, reported } = shadowOf(item, name);
      const version = versionOf(objectOf(desired.system).stateVersion);
      const desiredAt = timeOf(desired.timestamp);
      if (version === null || Number.isNaN(desiredAt)) continue;
      const { payload, system } = desired;
      const document = documentOf(payload === undefined ? { system } : { payload, system });
      const told = versionOf(objectOf(reported.system).stateVersion);
      changes.push({ device: externalId.toUpperCase(), version, desiredAt, document, reported: told });
    }
    return changes;
  }
}

function shadowOf(item: unknown, name: 'shadow' | 'body'): { desired: Json; reported: Json } {
  const shadow = objectOf(objectOf(item)[name]);
  return { desired: objectOf(shadow.desired), reported: objectOf(shadow.reported) };
}

/** "": it is longer or deeper than a document can be. */
function documentOf(value: object): string {
  try {
    const text = JSON.stringify(value);
    return text.length <= MAX_DOCUMENT ? text : '';
  } catch {
    return '';
  }
}

function objectOf(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};
}

function versionOf(value: unknown): number | null {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : null;
}

/** ms since the epoch (v2), or ISO 8601 (v4). NaN: neither. */
function timeOf(value: unknown): number {
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  return typeof value === 'string' && value.length <= 40 ? Date.parse(value) : Number.NaN;
}

function parseList(body: string): readonly unknown[] | null {
  try {
    const value: unknown = JSON.parse(body);
    return Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}
