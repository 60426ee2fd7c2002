// The processes around the bridge in a benchmark: Mosquitto, and HERE.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { freePort } from '../support/free-port.ts';
import { findProgram } from '../support/requirements.ts';
import type { Here, Stoppable, Worker } from './kafka-stack.ts';
import { start, until } from './process.ts';

export interface Broker {
  readonly url: string;
  readonly pid: number;
}

/** `window`: its `max_inflight_messages`. */
export async function startMosquitto(folder: string, window: number, children: Stoppable[]): Promise<Broker> {
  const port = await freePort();
  const file = path.join(folder, 'mosquitto.conf');
  const settings = [`listener ${port} 127.0.0.1`, 'allow_anonymous true', 'max_queued_messages 0', 'log_type error'];
  writeFileSync(file, [...settings, `max_inflight_messages ${window}`, ''].join('\n'));
  const child = start(findProgram('mosquitto'), ['-c', file]);
  children.push(child);
  return { url: `mqtt://127.0.0.1:${port}`, pid: child.pid };
}

export interface Peer extends Here {
  readonly pid: number;
}

/** HERE as `here-peer.ts` plays it. */
export async function startPeer(children: Stoppable[]): Promise<Peer> {
  const peer = start(process.execPath, [path.join(import.meta.dirname, 'here-peer.ts')]);
  children.push(peer);
  return { ...(JSON.parse(await peer.line()) as Here), pid: peer.pid };
}

const MAIN = path.resolve(import.meta.dirname, '../../src/main.ts');

/** The sandbox with a limit of requests a second. */
export async function startLimitedSandbox(requestsPerSecond: number, children: Stoppable[]): Promise<Here> {
  const sandbox = start(process.execPath, [MAIN, 'sandbox', '--port', '0', '--rate-limit', String(requestsPerSecond)]);
  children.push(sandbox);
  return JSON.parse(await sandbox.line()) as Here;
}

export interface LimitUsed {
  /** Ingestion requests that were accepted, and those answered 429. */
  readonly accepted: number;
  readonly limited: number;
  readonly seconds: number;
}

interface Stats {
  readonly acceptedRequests: number;
  readonly requests: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

/** What passes at a sandbox from now on for so long. */
export async function limitUsed(here: Here, seconds: number): Promise<LimitUsed> {
  const look = async (): Promise<{ accepted: number; limited: number }> => {
    const { acceptedRequests, requests } = await ask<Stats>(here, '/sandbox/stats');
    return { accepted: acceptedRequests, limited: requests['POST /v3/batch']?.['429'] ?? 0 };
  };
  const before = await look();
  const startedAt = performance.now();
  await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
  const after = await look();
  return {
    accepted: after.accepted - before.accepted,
    limited: after.limited - before.limited,
    seconds: (performance.now() - startedAt) / 1_000,
  };
}

/** In place of those there are. */
export async function setFaults(here: Here, faults: readonly object[]): Promise<void> {
  const change = (method: string, body?: object): Promise<Response> =>
    fetch(`${here.url}/sandbox/faults`, {
      method,
      headers: { 'content-type': 'application/json', connection: 'close' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  const answers = [await change('DELETE')];
  for (const fault of faults) answers.push(await change('POST', fault));
  const refused = answers.find(({ ok }) => !ok);
  if (refused !== undefined) throw new Error(`the fault was not taken: ${refused.status} ${await refused.text()}`);
}

/** The peer's, or the sandbox's, answer to a question about itself. */
export async function ask<T>(here: Here, route: string, method = 'GET'): Promise<T> {
  // A connection of its own: one that was kept may just be closing.
  const answer = await fetch(`${here.url}${route}`, { method, headers: { connection: 'close' } });
  if (!answer.ok) throw new Error(`${route}: ${answer.status}`);
  return (await answer.json()) as T;
}

/** Defines the connection `bench`, or lets it go on. `more` of its configuration. */
export async function startConnection(worker: Worker, here: Here, more: object = {}): Promise<void> {
  await define(worker, here, true, more);
}

/** `startConnection`, and waits until it takes uplinks. */
export async function openConnection(worker: Worker, here: Here, more: object = {}): Promise<void> {
  await startConnection(worker, here, more);
  await until('the connection takes uplinks', 20_000, async () => {
    // "No worker serves it yet" is an error.
    const found = (await worker.call('GET', '/connections/bench').catch(() => null)) as Shown | null;
    return found?.state === 'OPENED' && found.status.source?.up === true;
  });
}

interface Shown {
  readonly state: string;
  readonly status: { readonly source?: { readonly up: boolean } };
}

/** Stops it: what is published meanwhile waits in its session at the broker. */
export async function stopConnection(worker: Worker, here: Here): Promise<void> {
  await define(worker, here, false);
  await until('the connection stops', 20_000, async () => {
    return ((await worker.call('GET', '/connections/bench')) as Shown).state === 'DEACTIVATED';
  });
}

async function define(worker: Worker, here: Here, active: boolean, more: object = {}): Promise<void> {
  const { email, password, appIds } = here;
  const configuration = { email, password, appId: appIds[0], ...more };
  const connection = { connectorId: 'actility-here-iot', name: 'bench', active, configuration };
  await worker.call('PUT', '/connections/bench', connection);
}
