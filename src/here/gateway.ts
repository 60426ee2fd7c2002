// The HERE client put together: one HTTP client a host, one session an account, one set of permits and devices a project.
import { createHash } from 'node:crypto';
import type { AccountKey } from '../domain/connection.ts';
import { BridgeError, EXIT } from '../domain/errors.ts';
import type { Chance, Clock } from '../domain/ports/clock.ts';
import type { AccountFacts, HereUsage } from '../domain/ports/facts.ts';
import type { HereAccount, HereGateway } from '../domain/ports/here.ts';
import type { SecretBox } from '../domain/ports/secrets.ts';
import type { AccountVault, DeviceStore } from '../domain/ports/store.ts';
import { AccountHandle } from './account.ts';
import { HereHttp } from './http.ts';
import { KeptAccount } from './kept-account.ts';
import { completeService, type HereService, type HereServiceSetting, type ProxySettings } from './options.ts';
import { ProjectState } from './project.ts';
import { AccountSession } from './session.ts';
import type { MakeTransport } from './transport.ts';

export interface HereGatewayOptions {
  /** By the name that definitions use in `configuration.service`. */
  readonly services: Readonly<Record<string, HereServiceSetting>>;
  readonly vault: AccountVault;
  readonly devices: DeviceStore;
  readonly secrets: SecretBox;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly proxy?: ProxySettings | null;
  /** Devices that are remembered in memory per project; 2,000,000 by default, about 14 bytes each. */
  readonly maxKnownDevices?: number;
  readonly userAgent?: string;
  /** undici by default. */
  readonly transport?: MakeTransport;
  /**
   * False while another worker may have been given what this one serves: no batch and no log-in goes out then. Absent: always.
   * `actAgain` tells of a change to true.
   */
  readonly mayAct?: () => boolean;
}

/** Projects that no connection uses at the moment keep what was learnt of them, up to so many. */
const MAX_IDLE_PROJECTS = 32;
/**
 * A host that is well says so at once. A question that went out while HERE swallowed everything must not hold up the next one, and
 * with it the end of the outage, for as long as a request with records may take.
 */
const HEALTH_TIMEOUT_MS = 10_000;

interface Shared<T> {
  readonly value: T;
  users: number;
}

export class Gateway implements HereGateway {
  readonly #options: HereGatewayOptions;
  readonly #services = new Map<string, HereService>();
  readonly #https = new Map<string, HereHttp>();
  readonly #sessions = new Map<string, Shared<AccountSession>>();
  readonly #projects = new Map<string, Shared<ProjectState>>();

  constructor(options: HereGatewayOptions) {
    this.#options = options;
    for (const [name, setting] of Object.entries(options.services)) {
      this.#services.set(name, completeService(name, setting));
    }
  }

  /** Throws a BridgeError `unknownService` for a service that the operator has not set. */
  account(key: AccountKey, password: string): HereAccount {
    const service = this.#service(key.service);
    const http = this.#http(service.url, service.timeoutMs);
    const scopedHttp = service.scopedUrl === null ? http : this.#http(service.scopedUrl, service.timeoutMs);
    const accountKey = accountKeyOf(http.origin, key);
    const { clock, chance, vault, secrets, mayAct = () => true } = this.#options;
    const shared = share(this.#sessions, accountKey, () => {
      const kept = new KeptAccount(accountKey, vault, secrets);
      const isHealthy = (signal: AbortSignal) => this.isHealthy(key.service, signal);
      return new AccountSession({ key, http, kept, clock, chance, mayAct, isHealthy });
    });
    return new AccountHandle({
      session: shared.value,
      password,
      http,
      scopedHttp,
      clock,
      useProject: (origin, appId) => this.#useProject(origin, appId, service),
      settled: async () => {
        if (vault.everywhere !== undefined) await shared.value.exclusive(async () => vault.everywhere?.(accountKey));
      },
      onRelease: () => {
        if (--shared.users > 0) return;
        this.#sessions.delete(accountKey);
        shared.value.stop();
      },
    });
  }

  async isHealthy(service: string, signal: AbortSignal): Promise<boolean> {
    const { url, timeoutMs } = this.#service(service);
    // Over connections of its own: those for requests may all be of the time when HERE swallowed everything.
    const http = this.#http(url, Math.min(timeoutMs, HEALTH_TIMEOUT_MS));
    const answer = await http.call({ method: 'GET', path: '/v3/health', token: null, signal });
    return answer.kind === 'answer' && answer.status === 200;
  }

  /** `mayAct` may have become true: what was held back goes on. */
  actAgain(): void {
    for (const { value } of this.#projects.values()) value.gate.actAgain();
  }

  /** How the permits of each (host, appId) are used, since the first connection on it. */
  usage(): readonly HereUsage[] {
    return [...this.#projects].map(([key, { value }]) => usageOf(key, value));
  }

  /** Of an app ID on a service's host, or on its host for scoped tokens; null: no connection has opened it. */
  usageOf(service: string, appId: string): HereUsage | null {
    const setting = this.#services.get(service);
    for (const url of [setting?.scopedUrl, setting?.url]) {
      const key = url === undefined || url === null ? null : `${new URL(url).host}|${appId}`;
      const shared = key === null ? undefined : this.#projects.get(key);
      if (key !== null && shared !== undefined) return usageOf(key, shared.value);
    }
    return null;
  }

  accountFacts(): readonly AccountFacts[] {
    return [...this.#sessions].map(([key, { value }]) => {
      const account = createHash('sha256').update(key).digest('hex').slice(0, 8);
      return { account, ...value.facts };
    });
  }

  /** Breaks off whatever is in flight; accounts still held answer `retry` from then on. */
  async stop(): Promise<void> {
    for (const { value } of this.#sessions.values()) value.stop();
    for (const { value } of this.#projects.values()) value.gate.stop();
    await Promise.all([...this.#https.values()].map((http) => http.stop()));
  }

  #service(name: string): HereService {
    const service = this.#services.get(name);
    if (service !== undefined) return service;
    const allowed = [...this.#services.keys()].join(', ') || 'none';
    throw new BridgeError('unknownService', `there is no HERE service "${name.slice(0, 64)}"; allowed: ${allowed}`, {
      exitCode: EXIT.data,
    });
  }

  #http(url: string, timeoutMs: number): HereHttp {
    const known = this.#https.get(`${timeoutMs} ${url}`);
    if (known !== undefined) return known;
    const { clock, chance, proxy = null, userAgent = 'here-tracking-bridge', transport } = this.#options;
    const wire = transport === undefined ? {} : { transport };
    const http = new HereHttp({ url, timeoutMs, proxy, userAgent, clock, chance, ...wire });
    this.#https.set(`${timeoutMs} ${url}`, http);
    return http;
  }

  #useProject(origin: string, appId: string, service: HereService): { state: ProjectState; release: () => void } {
    const key = `${new URL(origin).host}|${appId}`;
    const { clock, devices, maxKnownDevices = 2_000_000, mayAct } = this.#options;
    const shared = share(this.#projects, key, () => {
      const state = new ProjectState(key, service, clock, devices, maxKnownDevices, mayAct);
      state.devices.load();
      return state;
    });
    const release = (): void => {
      shared.users--;
      const idle = [...this.#projects].filter(([, { users }]) => users === 0);
      for (const [idleKey] of idle.slice(0, -MAX_IDLE_PROJECTS)) this.#projects.delete(idleKey);
    };
    return { state: shared.value, release };
  }
}

/** Names an account and its host: what a token and its log-in attempts belong to. Letter case makes no difference to HERE. */
function accountKeyOf(origin: string, key: AccountKey): string {
  return [new URL(origin).host, key.realm ?? '', key.email]
    .map((part) => encodeURIComponent(part.toLowerCase()))
    .join('/');
}

function usageOf(key: string, { gate }: ProjectState): HereUsage {
  const at = key.lastIndexOf('|');
  return { host: key.slice(0, at), appId: key.slice(at + 1), ...gate.usage };
}

function share<T>(pool: Map<string, Shared<T>>, key: string, make: () => T): Shared<T> {
  let shared = pool.get(key);
  if (shared === undefined) {
    shared = { value: make(), users: 0 };
    pool.set(key, shared);
  }
  shared.users++;
  return shared;
}
