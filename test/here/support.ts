// In-memory stores and a gateway for tests of the HERE client.
import { createHmac } from 'node:crypto';
import { onTestFinished } from 'vitest';
import type { Chance, Clock } from '../../src/domain/ports/clock.ts';
import type { HereAccount, HereProject } from '../../src/domain/ports/here.ts';
import type { SecretBox } from '../../src/domain/ports/secrets.ts';
import type { AccountVault, DeviceStore } from '../../src/domain/ports/store.ts';
import { Gateway, type HereGatewayOptions } from '../../src/here/gateway.ts';
import type { HereServiceSetting } from '../../src/here/options.ts';
import { systemChance, systemClock } from '../../src/ops/clock.ts';
import type { Sandbox } from '../../src/sandbox/server.ts';

export class MemoryVault implements AccountVault {
  readonly records = new Map<string, string>();
  /** Called before each write; may throw, as a full disk does. */
  beforePut: (key: string, value: string | null) => void = () => {};

  get(key: string): string | null {
    return this.records.get(key) ?? null;
  }

  put(key: string, value: string | null): void {
    this.beforePut(key, value);
    if (value === null) this.records.delete(key);
    else this.records.set(key, value);
  }
}

export class MemoryDevices implements DeviceStore {
  readonly known = new Map<string, Set<string>>();
  readonly created = new Map<string, number>();

  load(project: string): readonly string[] {
    return [...(this.known.get(project) ?? [])];
  }

  add(project: string, devices: readonly string[]): void {
    const known = this.known.get(project) ?? new Set();
    for (const device of devices) known.add(device);
    this.known.set(project, known);
  }

  remove(project: string, devices: readonly string[]): void {
    for (const device of devices) this.known.get(project)?.delete(device);
  }

  createdCount(project: string): number {
    return this.created.get(project) ?? 0;
  }

  asked(project: string): readonly string[] {
    return this.load(`${project}|asked`);
  }

  addAsked(project: string, devices: readonly string[]): void {
    this.add(`${project}|asked`, devices);
  }

  answered(project: string, devices: readonly string[], created: number): void {
    this.remove(`${project}|asked`, devices);
    this.created.set(project, this.createdCount(project) + created);
  }
}

/** Unreadable at a glance and bound to its context: enough to see that nothing is stored in the clear. */
export const testBox: SecretBox = {
  encrypt: (plain, context) => `enc:v1:test:${Buffer.from(`${context}\n${plain}`).toString('base64url')}`,
  decrypt: (value, context) => {
    const text = Buffer.from(value.replace('enc:v1:test:', ''), 'base64url').toString();
    if (!text.startsWith(`${context}\n`)) throw new Error('wrong context');
    return text.slice(context.length + 1);
  },
  isEncrypted: (value) => value.startsWith('enc:v1:'),
  hmac: (value) => createHmac('sha256', 'test').update(value).digest('hex'),
};

export interface TestGatewayOptions {
  readonly url: string;
  readonly vault?: AccountVault;
  readonly devices?: DeviceStore;
  readonly service?: HereServiceSetting;
  readonly clock?: Clock;
  readonly chance?: Chance;
  readonly more?: Partial<HereGatewayOptions>;
}

/** A gateway with the one service `here` at `url`; it stops when the test ends. */
export function useGateway(options: TestGatewayOptions): Gateway {
  const gateway = new Gateway({
    services: { here: { timeoutMs: 5000, ...options.service, url: options.url } },
    vault: options.vault ?? new MemoryVault(),
    devices: options.devices ?? new MemoryDevices(),
    secrets: testBox,
    clock: options.clock ?? systemClock,
    chance: options.chance ?? systemChance,
    ...options.more,
  });
  onTestFinished(() => gateway.stop());
  return gateway;
}

export function never(): AbortSignal {
  return new AbortController().signal;
}

/** Logs in and opens the account's first project, or the one named. */
export async function openProject(
  gateway: Gateway,
  login: { readonly email: string; readonly password: string },
  appId: string | null = null,
): Promise<HereProject> {
  const account = gateway.account({ service: 'here', realm: null, email: login.email }, login.password);
  const loggedIn = await account.authenticate(never());
  if (loggedIn.kind !== 'ok') throw new Error(`The log-in came to ${JSON.stringify(loggedIn)}`);
  const opened = await account.openProject(appId, null, never());
  if (opened.kind !== 'ok') throw new Error(`The project came to ${JSON.stringify(opened)}`);
  return opened.project;
}

/** A minimal record of a device. */
export function record(device: string, timestamp = 1_700_000_000_000): string {
  return JSON.stringify({ id: device, timestamp, payload: { n: 1 } });
}

/** A DevEUI by number. */
export function eui(number: number): string {
  return number.toString(16).toUpperCase().padStart(16, '0');
}

/** Waits for a condition without sleeping for luck; fails after `timeoutMs`. */
export async function until(condition: () => boolean, what: string, timeoutMs = 5000): Promise<void> {
  const endMs = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > endMs) throw new Error(`Not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

export function accountOf(
  gateway: Gateway,
  sandbox: Sandbox,
  password = sandbox.password,
  email = sandbox.email,
): HereAccount {
  return gateway.account({ service: 'here', realm: null, email }, password);
}

/** Log-in requests so far, by status. */
export function logIns(sandbox: Sandbox): Readonly<Record<string, number>> {
  return sandbox.stats().requests['POST /users/v2/login'] ?? {};
}

export function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}
