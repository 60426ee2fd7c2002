// idle: what a worker costs that has many connections and nothing to carry: on Kafka, and on MQTT with a session each.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { freePort } from '../support/free-port.ts';
import { findProgram } from '../support/requirements.ts';
import { makeTopic, type Stoppable, startKafka, startSandbox, startWorker } from './kafka-stack.ts';
import { cpuSeconds, residentBytes, start, until } from './process.ts';

export interface IdleOptions {
  readonly kind: 'kafka' | 'mqtt';
  readonly connections: number;
  /** How long it is watched. */
  readonly forMs: number;
}

export interface IdleResult {
  /** Share of a core, 0 to 1. */
  readonly core: number;
  readonly bytes: number;
}

const AT_ONCE = 20;
/** What is still settling after the last connection has opened is no part of it. */
const REST_MS = 10_000;
const OPEN_MS = 300_000;

export async function idle(options: IdleOptions, say: (line: string) => void): Promise<IdleResult> {
  const { kind, connections, forMs } = options;
  const folder = mkdtempSync(path.join(os.tmpdir(), 'here-bridge-bench-'));
  const children: Stoppable[] = [];
  try {
    const broker = kind === 'kafka' ? await kafka(folder, children) : await mosquitto(folder, children);
    const here = await startSandbox(children);
    const settings = { brokers: { main: broker.setting }, topics: { prefix: broker.prefix } };
    const { child, call } = await startWorker(path.join(folder, 'bridge'), here, settings, children);
    const { email, password, appIds } = here;
    const configuration = { email, password, appId: appIds[0], ...broker.source };
    const define = (at: number): Promise<unknown> =>
      call('PUT', `/connections/c${at}`, { connectorId: 'actility-here-iot', name: `c${at}`, configuration });
    for (let at = 0; at < connections; at += AT_ONCE) {
      await Promise.all(Array.from({ length: Math.min(AT_ONCE, connections - at) }, (_, i) => define(at + i)));
    }
    for (let at = 0; at < connections; at++) {
      await until(`connection ${at} reads`, OPEN_MS, async () => {
        const found = (await call('GET', `/connections/c${at}`).catch(() => null)) as Shown | null;
        return found?.state === 'OPENED' && found.status.source?.up === true;
      });
    }
    await pause(REST_MS);
    const cpu = cpuSeconds(child.pid);
    const from = performance.now();
    await pause(forMs);
    const core = ((cpuSeconds(child.pid) - cpu) * 1000) / (performance.now() - from);
    const bytes = residentBytes(child.pid);
    say(`  ${connections} on ${kind}: ${(core * 100).toFixed(2)} % of a core, ${Math.round(bytes / 1e6)} MB`);
    return { core, bytes };
  } finally {
    for (const child of children.reverse()) await child.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Shown {
  readonly state: string;
  readonly status: { readonly source?: { readonly up: boolean } };
}

interface Made {
  readonly setting: Readonly<Record<string, unknown>>;
  readonly prefix: string;
  readonly source: Readonly<Record<string, unknown>>;
}

async function kafka(folder: string, children: Stoppable[]): Promise<Made> {
  const brokers = await startKafka(folder, children);
  await makeTopic(brokers, 'uplinks', 3);
  const setting = { kind: 'kafka', bootstrap: brokers.split(',') };
  return { setting, prefix: 'bridge', source: { source: { topics: ['uplinks'] } } };
}

async function mosquitto(folder: string, children: Stoppable[]): Promise<Made> {
  const port = await freePort();
  const file = path.join(folder, 'mosquitto.conf');
  writeFileSync(file, `listener ${port} 127.0.0.1\nallow_anonymous true\nlog_type error\n`);
  children.push(start(findProgram('mosquitto'), ['-c', file]));
  return { setting: { kind: 'mqtt', url: `mqtt://127.0.0.1:${port}` }, prefix: 'bridge', source: {} };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
