// Talks to the running worker's loopback admin interface, which `{dataDir}/admin.json` leads to.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { FieldError } from '../domain/connection.ts';
import { BridgeError, describeError, EXIT, type ExitCode } from '../domain/errors.ts';

export interface AdminAnswer {
  readonly status: number;
  /** Of a list that has more pages: the number of the next one. */
  readonly nextPage: number | null;
  readonly headers: Headers;
  /** Parsed; null for an empty body. */
  readonly body: unknown;
}

/** The form of its errors. */
export interface AdminFault {
  readonly code?: string;
  readonly message?: string;
  readonly errors?: readonly FieldError[];
}

const FILE = 'admin.json';
const TIMEOUT_MS = 15_000;

export interface RequestSettings {
  readonly timeoutMs?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

export class AdminClient {
  readonly #dataDir: string;
  readonly #url: string;
  readonly #token: string;

  private constructor(dataDir: string, url: string, token: string) {
    this.#dataDir = dataDir;
    this.#url = url;
    this.#token = token;
  }

  /** Throws `noWorker` (exit code 69) when none runs on this data directory, as far as its file tells; `usage` (64) when it is no folder. */
  static async find(dataDir: string): Promise<AdminClient> {
    let file = path.join(dataDir, FILE);
    let text: string;
    try {
      file = adminFile(dataDir);
      text = await readFile(file, 'utf8');
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') throw noWorker(dataDir, `there is no ${FILE}`, error);
      if (code === 'ENOTDIR') {
        const message = `The data directory ${dataDir} is a file: name the folder of a bridge with --data-dir`;
        throw new BridgeError('usage', message, { exitCode: EXIT.usage, cause: error });
      }
      const hint = code === 'EACCES' ? 'run this as the user whom the bridge runs as' : describeError(error);
      throw new BridgeError('noAccess', `${file} cannot be read: ${hint}`, {
        exitCode: EXIT.unavailable,
        cause: error,
      });
    }
    const { url, token } = readAccess(text);
    // The token goes nowhere else than to this machine, whatever the file says.
    if (url === null || token === null) throw noWorker(dataDir, `${file} is not what a bridge writes`);
    return new AdminClient(dataDir, url, token);
  }

  async request(
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    route: string,
    body?: unknown,
    { timeoutMs = TIMEOUT_MS, headers = {} }: RequestSettings = {},
  ): Promise<AdminAnswer> {
    const response = await this.#fetch(method, route, AbortSignal.timeout(timeoutMs), body, headers);
    try {
      const text = await response.text();
      const next = response.headers.get('x-next-page');
      const nextPage = next === null ? null : Number(next);
      return {
        status: response.status,
        nextPage,
        headers: response.headers,
        body: text === '' ? null : JSON.parse(text),
      };
    } catch (error) {
      throw this.#broken(error);
    }
  }

  /** All pages of a list in one. Throws what the worker refused. */
  async list(route: string): Promise<readonly unknown[]> {
    const all: unknown[] = [];
    for (let page: number | null = 1; page !== null; ) {
      const answer: AdminAnswer = await this.request('GET', `${route}?perPage=100&page=${page}`);
      if (answer.status !== 200) throw refusal(answer.status, answer.body);
      all.push(...(answer.body as readonly unknown[]));
      page = answer.nextPage;
    }
    return all;
  }

  /** An answer that is text. */
  async text(route: string): Promise<string> {
    const response = await this.#fetch('GET', route, AbortSignal.timeout(TIMEOUT_MS));
    if (!response.ok) throw refusal(response.status, await response.json().catch(() => null));
    return response.text();
  }

  /** One value a line, as they come, until the worker ends or `signal` aborts. With a body it is a POST. */
  async *follow(route: string, signal: AbortSignal, body?: unknown): AsyncGenerator<unknown, void> {
    const method = body === undefined ? 'GET' : 'POST';
    const response = await this.#fetch(method, route, signal, body).catch((error: unknown) => {
      // Stopped before the worker had answered: an end like any other.
      if (signal.aborted) return null;
      throw error;
    });
    if (response === null) return;
    if (!response.ok) throw refusal(response.status, await response.json().catch(() => null));
    const decoder = new TextDecoder();
    let rest = '';
    try {
      for await (const chunk of response.body ?? []) {
        const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) if (line.trim() !== '') yield JSON.parse(line);
      }
    } catch (error) {
      if (!signal.aborted) throw this.#broken(error);
    }
  }

  async #fetch(
    method: string,
    route: string,
    signal: AbortSignal,
    body?: unknown,
    more: Readonly<Record<string, string>> = {},
  ): Promise<Response> {
    const headers: Record<string, string> = { ...more, authorization: `Bearer ${this.#token}` };
    if (body !== undefined) headers['content-type'] = 'application/json';
    const init: RequestInit = { method, headers, signal, redirect: 'error' };
    if (body !== undefined) init.body = JSON.stringify(body);
    try {
      return await fetch(`${this.#url}${route}`, init);
    } catch (error) {
      if (signal.aborted && (signal.reason as Error)?.name !== 'TimeoutError') throw error;
      throw this.#broken(error);
    }
  }

  #broken(error: unknown): BridgeError {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    const isGone = (cause as NodeJS.ErrnoException).code === 'ECONNREFUSED';
    return noWorker(this.#dataDir, isGone ? `the one that wrote ${FILE} is gone` : describeError(cause), error);
  }
}

/** Of several workers on this disk any will do: each passes on what another has to answer. Throws what the folder cannot be read for. */
function adminFile(dataDir: string): string {
  const own = path.join(dataDir, FILE);
  if (existsSync(own) || !existsSync(dataDir)) return own;
  const folders = readdirSync(dataDir).filter((name) => /^w-\d+$/.test(name));
  const files = folders.map((name) => path.join(dataDir, name, FILE));
  return files.find((file) => isOfLiving(file)) ?? own;
}

/** A worker that was killed leaves its file behind. In a container of its own it cannot be reached from here, whatever its pid. */
function isOfLiving(file: string): boolean {
  try {
    const { pid, host } = JSON.parse(readFileSync(file, 'utf8')) as { pid?: unknown; host?: unknown };
    if (typeof pid !== 'number' || (host !== undefined && host !== os.hostname())) return false;
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function readAccess(text: string): { url: string | null; token: string | null } {
  try {
    const { url, token } = JSON.parse(text) as { url?: unknown; token?: unknown };
    const isLocal = typeof url === 'string' && /^http:\/\/(127\.0\.0\.1|\[::1\]):\d{1,5}\/?$/.test(url);
    return {
      url: isLocal ? url.replace(/\/$/, '') : null,
      token: typeof token === 'string' && /^[\w-]{16,200}$/.test(token) ? token : null,
    };
  } catch {
    return { url: null, token: null };
  }
}

function noWorker(dataDir: string, why: string, cause?: unknown): BridgeError {
  const message = `No bridge answers for the data directory ${dataDir} (${why}). Start one with \`here-bridge start\`, or name its directory with --data-dir.`;
  return new BridgeError('noWorker', message, { exitCode: EXIT.unavailable, cause });
}

/** Any other status is a defect, of the bridge or of what stands between. */
const EXIT_OF: ReadonlyMap<number, ExitCode> = new Map<number, ExitCode>([
  [400, EXIT.data],
  [413, EXIT.data],
  [403, EXIT.failed],
  [422, EXIT.failed],
  [404, EXIT.noInput],
  ...[401, 405, 409, 412, 429, 503].map((status): [number, ExitCode] => [status, EXIT.unavailable]),
]);

/** What the worker refused, as an error with the exit code that fits. */
export function refusal(status: number, body: unknown): BridgeError {
  const fault = (typeof body === 'object' && body !== null ? body : {}) as AdminFault;
  const lines = [fault.message ?? `The bridge answered ${status}`];
  for (const { pointer, message } of fault.errors ?? []) lines.push(`${pointer || '/'}: ${message}`);
  return new BridgeError(fault.code ?? `http${status}`, lines.join('\n'), {
    exitCode: EXIT_OF.get(status) ?? EXIT.software,
  });
}
