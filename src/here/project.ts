// One HERE project as a connection's line uses it: permits, batches, devices.
import type { Clock } from '../domain/ports/clock.ts';
import type { ShadowCalls } from '../domain/ports/downlink.ts';
import type { DeviceRegistry, HereAnswer, HereProject, ProjectLook, RequestOutcome } from '../domain/ports/here.ts';
import type { ProjectQuestions } from '../domain/ports/here-questions.ts';
import type { DeviceStore } from '../domain/ports/store.ts';
import type { AuthorizedCalls, NoToken } from './authorized.ts';
import { DeviceCalls } from './device-calls.ts';
import { ProjectDevices } from './devices.ts';
import { Gate, type GateLimits } from './gate.ts';
import { outcomeOf, parseObject } from './outcome.ts';
import { expired, type Licence, type LicencesOutcome } from './projects.ts';
import { WiredQuestions } from './questions.ts';
import { ProjectShadows } from './shadow-calls.ts';

/** What belongs to one (host, appId) and is shared by all connections on it: another project starts anew. */
export class ProjectState {
  /** `host|appId` */
  readonly key: string;
  readonly gate: Gate;
  readonly devices: ProjectDevices;

  constructor(
    project: string,
    limits: GateLimits,
    clock: Clock,
    store: DeviceStore,
    maxKnownDevices: number,
    mayAct: () => boolean = () => true,
  ) {
    this.key = project;
    this.gate = new Gate(limits, clock, mayAct);
    this.devices = new ProjectDevices({ project, store, clock, maxKnown: maxKnownDevices });
  }
}

export interface OpenProjectOptions {
  readonly licence: Licence;
  readonly otherFirst: string | null;
  readonly state: ProjectState;
  readonly calls: AuthorizedCalls;
  /** Lists the account's licences anew. */
  readonly licences: (signal: AbortSignal) => Promise<LicencesOutcome>;
  readonly clock: Clock;
  /** Aborts when the account's session ends. */
  readonly signal: AbortSignal;
}

export class OpenProject implements HereProject {
  readonly key: string;
  readonly appId: string;
  readonly projectId: string | null;
  readonly projectName: string;
  readonly otherFirst: string | null;
  readonly licenceEndsAt: number | null;
  readonly gate: Gate;
  readonly devices: DeviceRegistry;
  readonly shadows: ShadowCalls;
  readonly questions: ProjectQuestions;
  readonly #licences: OpenProjectOptions['licences'];
  readonly #calls: AuthorizedCalls;
  readonly #clock: Clock;
  readonly #head: Buffer;
  readonly #again = (signal: AbortSignal): Promise<void> => this.gate.again(signal);

  constructor({ licence, otherFirst, state, calls, licences, clock, signal }: OpenProjectOptions) {
    this.key = state.key;
    this.appId = licence.appId;
    this.projectId = licence.projectId;
    this.projectName = licence.projectName;
    this.otherFirst = otherFirst;
    this.licenceEndsAt = licence.endsAt;
    this.#licences = licences;
    this.gate = state.gate;
    this.#calls = calls;
    this.#clock = clock;
    this.#head = Buffer.from(`{"appId":${JSON.stringify(licence.appId)},"data":[`);
    const { appId, projectId } = licence;
    const deviceCalls = new DeviceCalls({ appId, projectId, calls, gate: state.gate, clock, signal });
    this.shadows = new ProjectShadows({ appId, projectId, calls, gate: state.gate, clock });
    this.questions = new WiredQuestions({ appId, projectId, calls, gate: state.gate, clock });
    const { devices } = state;
    this.devices = {
      isKnown: (device) => devices.isKnown(device),
      ensure: (ids, limit, callerSignal) => devices.ensure(ids, limit, callerSignal, deviceCalls),
      confirm: (ids) => devices.confirm(ids),
      forget: (device) => devices.forget(device),
      doubt: (device) => devices.doubt(device),
      forgetQuota: () => devices.forgetQuota(),
    };
  }

  async send(records: readonly string[], signal: AbortSignal): Promise<RequestOutcome> {
    const body = joined(this.#head, records);
    const startedMs = this.#clock.monotonic();
    const answer = await this.#calls.call({ method: 'POST', path: '/v3/batch', body, signal, again: this.#again });
    if (answer.kind === 'noToken') return withoutToken(answer);
    this.gate.observe(answer, startedMs, records.length);
    const outcome = outcomeOf(answer, records.length, this.#clock.now());
    if (outcome.kind === 'accepted') this.gate.tookBatch(records.length, body.length);
    return outcome;
  }

  async look(signal: AbortSignal): Promise<ProjectLook> {
    const listed = await this.#licences(signal);
    if (listed.kind !== 'ok') return { kind: 'unknown', message: listed.message };
    const licence = listed.licences.find(({ appId }) => appId === this.appId);
    if (licence === undefined) return { kind: 'unknown', message: `HERE no longer lists the project ${this.appId}` };
    if (licence.isExpired) return expired(licence);
    const { endsAt: licenceEndsAt, devicesLeft: left } = licence;
    const provisioned = left === null ? null : await this.#provisioned(signal);
    const devices = left === null || provisioned === null ? null : { provisioned, left };
    return { kind: 'ok', licenceEndsAt, devices };
  }

  /** null: no answer, or none in the published form. */
  async #provisioned(signal: AbortSignal): Promise<number | null> {
    const path = `/registry/v2/${this.appId}/licenseCount`;
    try {
      const answer = await this.gate.run(0, signal, () =>
        this.#calls.call({ method: 'GET', path, signal, again: this.#again }),
      );
      if (answer.kind === 'noToken') return null;
      this.gate.observe(answer);
      const count = answer.kind === 'answer' && answer.status === 200 ? parseObject(answer.body)?.count : null;
      return typeof count === 'number' && count >= 0 ? count : null;
    } catch {
      // Aborted before a permit came.
      return null;
    }
  }
}

/**
 * The records are JSON text already. They are written into the bytes that go out one by one: one text of all of them would be
 * half a megabyte that the engine keeps apart and collects late.
 */
function joined(head: Buffer, records: readonly string[]): Buffer {
  const bytes = new Uint32Array(records.length);
  let total = head.length + Math.max(0, records.length - 1) + 2;
  for (let i = 0; i < records.length; i++) {
    bytes[i] = Buffer.byteLength(records[i] as string);
    total += bytes[i] as number;
  }
  const body = Buffer.allocUnsafeSlow(total);
  let at = head.copy(body);
  for (let i = 0; i < records.length; i++) {
    const record = records[i] as string;
    if (i > 0) body[at++] = COMMA;
    // One byte a character needs no encoding.
    at += body.write(record, at, bytes[i] === record.length ? 'latin1' : 'utf8');
  }
  body.write(']}', at, 'latin1');
  return body;
}
const COMMA = 0x2c;

/** Nothing was sent: a refusal needs a log-in by a person's word, anything else is tried again. */
function withoutToken({ outcome }: NoToken): RequestOutcome {
  const answer: HereAnswer = { status: 0, hereErrorCode: null, message: outcome.message, requestId: '' };
  return outcome.kind === 'refused'
    ? { kind: 'reauthenticate', answer: { ...answer, status: 401 } }
    : { kind: 'retry', cause: outcome.cause, afterMs: outcome.afterMs, answer };
}
