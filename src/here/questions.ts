// People's questions about a project on the wire: devices with their shadows, one shadow, traces.
// Source of paths, parameters and answers: HERE's OpenAPI document, "Shadows" and "Traces".
import type { Clock } from '../domain/ports/clock.ts';
import type {
  Answered,
  DevicePosition,
  HereDevice,
  HereDevicePage,
  PositionPage,
  PositionQuery,
  ProjectQuestions,
  TracePage,
  TraceQuery,
} from '../domain/ports/here-questions.ts';
import type { AuthorizedCalls, NoToken } from './authorized.ts';
import type { GateWithEyes } from './device-calls.ts';
import type { HttpAnswer } from './http.ts';
import { hereAnswerOf, isTransient, parseObject, retryAfterMs } from './outcome.ts';

export interface QuestionOptions {
  readonly appId: string;
  readonly projectId: string | null;
  readonly calls: AuthorizedCalls;
  readonly gate: GateWithEyes;
  readonly clock: Clock;
}

const BACKGROUND = 0;
const MAX_TOKEN = 4_000;

type Json = Readonly<Record<string, unknown>>;

export class WiredQuestions implements ProjectQuestions {
  readonly #options: QuestionOptions;

  constructor(options: QuestionOptions) {
    this.#options = options;
  }

  async devices(limit: number, cursor: string | null, signal: AbortSignal): Promise<Answered<HereDevicePage>> {
    return this.#list({ limit, cursor, reportedAfter: null }, signal);
  }

  async positions(query: PositionQuery, signal: AbortSignal): Promise<Answered<PositionPage>> {
    const listed = await this.#list(query, signal);
    if (listed.kind !== 'ok') return listed;
    const { devices, next } = listed.value;
    return { kind: 'ok', value: { positions: devices.flatMap(positionOf), next } };
  }

  async #list({ limit, cursor, reportedAfter }: PositionQuery, signal: AbortSignal): Promise<Answered<HereDevicePage>> {
    const query = new URLSearchParams({ limit: String(limit) });
    const { projectId } = this.#options;
    if (projectId !== null) query.set('projectId', projectId);
    if (cursor !== null) query.set('pageToken', cursor);
    // It filters by what was reported, so nothing that is asked here goes missing.
    if (reportedAfter !== null) query.set('after', new Date(reportedAfter).toISOString());
    const answer = await this.#get(`/shadows/v4?${query}`, signal);
    if (answer.kind !== 'ok') return answer;
    const items = Array.isArray(answer.value.items) ? (answer.value.items as unknown[]) : [];
    const devices = items.map((item) => deviceOf(objectOf(item), objectOf(objectOf(item).shadow)));
    return { kind: 'ok', value: { devices, next: tokenOf(answer.value.nextPageToken) } };
  }

  async shadow(device: string, signal: AbortSignal): Promise<Answered<HereDevice>> {
    const answer = await this.#get(`/shadows/v2/${this.#of(device)}`, signal);
    if (answer.kind !== 'ok') return answer;
    // Beside the shadow, so that a device is found in HERE's portals; without it the shadow is as good.
    const named = await this.#get(`/registry/v2/devices/${this.#of(device)}`, signal);
    const { trackingId = null } = named.kind === 'ok' ? named.value : {};
    return { kind: 'ok', value: deviceOf({ externalId: device, trackingId }, answer.value) };
  }

  async traces(
    device: string,
    { from, to, limit, cursor }: TraceQuery,
    signal: AbortSignal,
  ): Promise<Answered<TracePage>> {
    const query = new URLSearchParams({ count: String(limit) });
    if (from !== null) query.set('after', String(from));
    if (to !== null) query.set('before', String(to));
    if (cursor !== null) query.set('pageToken', cursor);
    const answer = await this.#get(`/traces/v2/${this.#of(device)}&${query}`, signal);
    if (answer.kind !== 'ok') return answer;
    const { data, pageToken } = answer.value;
    return { kind: 'ok', value: { traces: Array.isArray(data) ? data : [], next: tokenOf(pageToken) } };
  }

  async unclaim(device: string, signal: AbortSignal): Promise<Answered<null>> {
    const answer = await this.#call('DELETE', `/registry/v2/${this.#of(device)}`, signal);
    if (answer.kind === 'answer' && answer.status === 204) return { kind: 'ok', value: null };
    const judged = this.#judge(answer);
    return judged.kind === 'ok' ? { kind: 'ok', value: null } : judged;
  }

  #of(device: string): string {
    return `${encodeURIComponent(device)}?appId=${encodeURIComponent(this.#options.appId)}`;
  }

  async #get(path: string, signal: AbortSignal): Promise<Answered<Json>> {
    return this.#judge(await this.#call('GET', path, signal));
  }

  async #call(method: 'GET' | 'DELETE', path: string, signal: AbortSignal): Promise<HttpAnswer | NoToken> {
    const { calls, gate } = this.#options;
    try {
      return await gate.run(BACKGROUND, signal, async () => {
        const given = await calls.call({ method, path, signal, again: (wait) => gate.again(wait) });
        if (given.kind !== 'noToken') gate.observe(given);
        return given;
      });
    } catch {
      // Aborted before a permit came.
      const message = 'HERE is busy with the uplinks of this project: try again';
      return { kind: 'noAnswer', cause: 'stopped', maybeSent: false, message, requestId: '' };
    }
  }

  #judge(answer: HttpAnswer | NoToken): Answered<Json> {
    if (answer.kind === 'noToken') {
      const { outcome } = answer;
      if (outcome.kind === 'refused') return { kind: 'refused', message: outcome.message };
      return { kind: 'unavailable', message: outcome.message, afterMs: outcome.afterMs };
    }
    const { message } = hereAnswerOf(answer);
    if (answer.kind === 'answer' && answer.status === 200) {
      const value = parseObject(answer.body);
      return value === null
        ? { kind: 'unavailable', message: 'HERE’s answer is none in the published form', afterMs: null }
        : { kind: 'ok', value };
    }
    const afterMs = answer.kind === 'answer' ? retryAfterMs(answer.headers, this.#options.clock.now()) : null;
    if (isTransient(answer) || answer.kind !== 'answer') return { kind: 'unavailable', message, afterMs };
    if (answer.status === 404) return { kind: 'notFound', message: `HERE does not know it: ${message}` };
    return answer.status === 401 || answer.status === 403 ? { kind: 'refused', message } : { kind: 'invalid', message };
  }
}

function deviceOf(identity: Json, shadow: Json): HereDevice {
  const { externalId, trackingId } = identity;
  return {
    device: typeof externalId === 'string' ? externalId : null,
    trackingId: typeof trackingId === 'string' ? trackingId : null,
    desired: shadow.desired ?? null,
    reported: shadow.reported ?? null,
  };
}

/** Nothing for a device without an external id: it is none of ours. */
function positionOf({ device, reported }: HereDevice): DevicePosition[] {
  if (device === null) return [];
  const { timestamp, position } = objectOf(reported);
  const { lat, lng, accuracy } = objectOf(position);
  const at = typeof timestamp === 'string' ? Date.parse(timestamp) : timestamp;
  const isPlace = typeof lat === 'number' && typeof lng === 'number' && Math.abs(lat) <= 90 && Math.abs(lng) <= 180;
  return [
    {
      device: device.toUpperCase(),
      reportedAt: typeof at === 'number' && Number.isFinite(at) ? at : null,
      position: isPlace ? { lat, lng, accuracy: typeof accuracy === 'number' ? accuracy : null } : null,
    },
  ];
}

function objectOf(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};
}

/** It comes back as it is: it must not be long. */
function tokenOf(value: unknown): string | null {
  return typeof value === 'string' && value !== '' && value.length <= MAX_TOKEN ? value : null;
}
