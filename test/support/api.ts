// The ports of the API for tests that need a few of them.
import type { ApiPorts } from '../../src/api/routes.ts';
import type { Access } from '../../src/domain/ports/access.ts';
import type { BrokerControl } from '../../src/domain/ports/brokers.ts';
import type { Control } from '../../src/domain/ports/control.ts';
import type { DebugControl } from '../../src/domain/ports/debug.ts';
import type { Desk } from '../../src/domain/ports/desk.ts';
import type { DeviceControl } from '../../src/domain/ports/devices.ts';
import type { FiguresControl } from '../../src/domain/ports/figures.ts';
import type { KeyControl } from '../../src/domain/ports/keys.ts';
import { systemClock } from '../../src/ops/clock.ts';

/** What is not given is not there: a route that asks for it fails with a 500. */
export function portsOf(control: Partial<Control>, others: Partial<ApiPorts> = {}): ApiPorts {
  return {
    control: control as Control,
    isReady: () => true,
    version: '0.0.0-test',
    clock: systemClock,
    names: () => ({ brokers: ['main'], services: ['here'] }),
    brokers: {} as BrokerControl,
    debug: {} as DebugControl,
    access: {} as Access,
    keys: {} as KeyControl,
    audit: { note: () => {}, list: () => [] },
    cookies: { isSecure: false, maxAgeMs: 3_600_000 },
    figures: {} as FiguresControl,
    desk: {} as Desk,
    devices: {} as DeviceControl,
    metrics: { read: async () => ({ contentType: 'text/plain', text: '' }) },
    metricsPublic: false,
    usage: () => [],
    ...others,
  };
}

export interface ApiAnswer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers freely
  readonly body: any;
}

/** A client of the API at `url`: JSON in, JSON out. */
export function apiClient(url: string) {
  return async (
    method: string,
    path: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<ApiAnswer> => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: text === '' ? null : JSON.parse(text) };
  };
}
