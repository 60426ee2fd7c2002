// Sandboxes for tests: started on a free port, stopped when the test ends; and a small client that talks to one.
import { randomUUID } from 'node:crypto';
import { onTestFinished } from 'vitest';
import type { SandboxOptions } from '../../src/sandbox/options.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/server.ts';

/** A sandbox that stops when the present test has finished. */
export async function useSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const sandbox = await startSandbox({ seed: 1, jobMs: 0, ...options });
  onTestFinished(() => sandbox.stop());
  return sandbox;
}

/** A sandbox for the length of `run`, for use outside of a test. */
export async function withSandbox<T>(options: SandboxOptions, run: (sandbox: Sandbox) => Promise<T>): Promise<T> {
  const sandbox = await startSandbox({ seed: 1, jobMs: 0, ...options });
  try {
    return await run(sandbox);
  } finally {
    await sandbox.stop();
  }
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** Parsed JSON; undefined for an empty answer. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers freely
  readonly body: any;
}

export interface SandboxClient {
  readonly token: string;
  readonly refreshToken: string;
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<HttpAnswer>;
  /** `POST /v3/batch` into the first project unless told otherwise. */
  send(records: readonly unknown[], appId?: string): Promise<HttpAnswer>;
}

export async function request(
  url: string,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<HttpAnswer> {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: { 'Content-Type': 'application/json', 'X-Request-Id': randomUUID(), ...headers },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) };
}

/** Logs in as the first account unless told otherwise. */
export async function logIn(
  sandbox: Sandbox,
  credentials: { email: string; password: string } = sandbox,
): Promise<SandboxClient> {
  const { email, password } = credentials;
  const answer = await request(sandbox.url, 'POST', '/users/v2/login', { email, password });
  if (answer.status !== 200) throw new Error(`The log-in was answered ${answer.status}: ${answer.body?.message}`);
  const { accessToken, refreshToken } = answer.body as { accessToken: string; refreshToken: string };
  const call: SandboxClient['call'] = (method, path, body, headers) =>
    request(sandbox.url, method, path, body, { Authorization: `Bearer ${accessToken}`, ...headers });
  return {
    token: accessToken,
    refreshToken,
    call,
    send: (records, appId = sandbox.appIds[0]) => call('POST', '/v3/batch', { appId, data: records }),
  };
}
