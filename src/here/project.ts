// One HERE project as a connection's line uses it: permits, batches, devices.
import type { Clock } from '../domain/ports/clock.ts';
import type { DeviceRegistry, HereAnswer, HereProject, RequestOutcome } from '../domain/ports/here.ts';
import type { DeviceStore } from '../domain/ports/store.ts';
import type { AuthorizedCalls, NoToken } from './authorized.ts';
import { DeviceCalls } from './device-calls.ts';
import { ProjectDevices } from './devices.ts';
import { Gate, type GateLimits } from './gate.ts';
import { outcomeOf } from './outcome.ts';
import type { Licence } from './projects.ts';

/** What belongs to one (host, appId) and is shared by all connections on it: another project starts anew. */
export class ProjectState {
  readonly gate: Gate;
  readonly devices: ProjectDevices;

  constructor(project: string, limits: GateLimits, clock: Clock, store: DeviceStore, maxKnownDevices: number) {
    this.gate = new Gate(limits, clock);
    this.devices = new ProjectDevices({ project, store, clock, maxKnown: maxKnownDevices });
  }
}

export interface OpenProjectOptions {
  readonly licence: Licence;
  readonly otherFirst: string | null;
  readonly state: ProjectState;
  readonly calls: AuthorizedCalls;
  readonly clock: Clock;
  /** Aborts when the account's session ends. */
  readonly signal: AbortSignal;
}

export class OpenProject implements HereProject {
  readonly appId: string;
  readonly projectId: string | null;
  readonly projectName: string;
  readonly otherFirst: string | null;
  readonly gate: Gate;
  readonly devices: DeviceRegistry;
  readonly #calls: AuthorizedCalls;
  readonly #clock: Clock;
  readonly #head: string;

  constructor({ licence, otherFirst, state, calls, clock, signal }: OpenProjectOptions) {
    this.appId = licence.appId;
    this.projectId = licence.projectId;
    this.projectName = licence.projectName;
    this.otherFirst = otherFirst;
    this.gate = state.gate;
    this.#calls = calls;
    this.#clock = clock;
    this.#head = `{"appId":${JSON.stringify(licence.appId)},"data":[`;
    const { appId, projectId } = licence;
    const deviceCalls = new DeviceCalls({ appId, projectId, calls, gate: state.gate, clock, signal });
    const { devices } = state;
    this.devices = {
      isKnown: (device) => devices.isKnown(device),
      ensure: (ids, limit, callerSignal) => devices.ensure(ids, limit, callerSignal, deviceCalls),
      confirm: (ids) => devices.confirm(ids),
      forget: (device) => devices.forget(device),
    };
  }

  async send(records: readonly string[], signal: AbortSignal): Promise<RequestOutcome> {
    // The records are JSON text already: joined, not stringified again.
    const body = `${this.#head}${records.join(',')}]}`;
    const answer = await this.#calls.call({ method: 'POST', path: '/v3/batch', body, signal });
    if (answer.kind === 'noToken') return withoutToken(answer);
    this.gate.observe(answer);
    const outcome = outcomeOf(answer, records.length, this.#clock.now());
    if (outcome.kind === 'accepted') this.gate.tookBatch(records.length, body.length);
    return outcome;
  }
}

/** Nothing was sent: a refusal needs a log-in by a person's word, anything else is tried again. */
function withoutToken({ outcome }: NoToken): RequestOutcome {
  const answer: HereAnswer = { status: 0, hereErrorCode: null, message: outcome.message, requestId: '' };
  return outcome.kind === 'refused'
    ? { kind: 'reauthenticate', answer: { ...answer, status: 401 } }
    : { kind: 'retry', cause: outcome.cause, afterMs: outcome.afterMs, answer };
}
