// A bridge process of a benchmark and its admin interface.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { type Child, start, until } from './process.ts';

export const MAIN = path.resolve(import.meta.dirname, '../../src/main.ts');
const READY_MS = 60_000;

export interface Worker {
  readonly pid: number;
  /** A path of the admin interface; rejects while it does not run, and with what it answered when it refuses. */
  call(method: string, route: string, body?: object): Promise<unknown>;
  ready(): Promise<void>;
  /** A connection as the admin interface shows it; null while it does not run or knows none. */
  connection(id: string): Promise<ConnectionNow | null>;
  stop(): Promise<void>;
}

export interface ConnectionNow {
  readonly state: string;
  readonly status: { readonly source?: { readonly up: boolean } };
  readonly ledger?: { readonly pending: number } | null;
}

export function startWorker(
  dataDir: string,
  args: readonly string[],
  settings: Readonly<Record<string, string | number>>,
  children: Child[],
  program = MAIN,
): Worker {
  const child = start(process.execPath, [
    ...[program, 'start', '--data-dir', dataDir, '--http-port', '0', '--log-level', 'error', ...args],
    ...Object.entries(settings).flatMap(([key, value]) => ['--set', `${key}=${value}`]),
  ]);
  children.push(child);
  const call = async (method: string, route: string, body?: object): Promise<unknown> => {
    const admin = JSON.parse(readFileSync(path.join(dataDir, 'admin.json'), 'utf8')) as { url: string; token: string };
    const answer = await fetch(`${admin.url}${route}`, {
      method,
      headers: { authorization: `Bearer ${admin.token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!answer.ok) throw new Error(`${method} ${route}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  };
  // The file of an earlier worker is there until this one has written its own.
  const orNull = <T>(answer: Promise<unknown>): Promise<T | null> => (answer as Promise<T>).catch(() => null);
  return {
    pid: child.pid,
    call,
    ready: () =>
      until('the worker runs', READY_MS, async () => {
        return (await orNull<{ ready: boolean }>(call('GET', '/status')))?.ready === true;
      }),
    connection: (id) => orNull(call('GET', `/connections/${id}`)),
    stop: () => child.stop(),
  };
}
