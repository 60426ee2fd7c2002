// command-pace: how soon a desired change becomes a downlink, and what looking for it costs, in a project of many devices of which
// all or some have been heard. HERE is the sandbox; the bridge is a process of its own with its default intervals.
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { connect, type MqttClient } from 'mqtt';
import { type Sandbox, startSandbox } from '../../src/sandbox/server.ts';
import { freePort } from '../support/free-port.ts';
import { type Stoppable, startWorker } from './kafka-stack.ts';
import { median, until } from './process.ts';
import { openConnection } from './stack.ts';

export interface CommandPaceOptions {
  readonly devices: number;
  /** The first so many; all by default. Only what was heard is served, and desired anything. */
  readonly heard?: number;
  readonly changesPerMinute: number;
  readonly minutes: number;
}

export interface CommandPace {
  /** From desired to the downlink at the broker, ms. */
  readonly p50Ms: number;
  readonly maxMs: number;
  /** Between two looks, ms, median. */
  readonly intervalMs: number;
  /** Of one look. */
  readonly requestsMax: number;
  readonly looks: number;
  readonly changes: number;
  /** Never became downlinks. */
  readonly missing: number;
}

const EMAIL = 'bench@example.com';
const PASSWORD = 'bench-password';
const APP_ID = 'bench-app';
const WINDOW = 2_000;
/** Requests that are closer belong to one look: the bridge waits 4.5 s at least between two. */
const ONE_LOOK_MS = 1_500;

export async function commandPace(options: CommandPaceOptions, say: (line: string) => void): Promise<CommandPace> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'here-bridge-bench-'));
  const children: Stoppable[] = [];
  const names = Array.from({ length: options.devices }, (_, at) => `70B3D5${String(at).padStart(10, '0')}`);
  const account = { email: EMAIL, password: PASSWORD, projects: [{ appId: APP_ID, devices: names }] };
  const sandbox = await startSandbox({ seed: 1, keepRecords: 0, accounts: [account] });
  const port = await freePort();
  const here = { url: sandbox.url, email: EMAIL, password: PASSWORD, appIds: [APP_ID] };
  try {
    const worker = await startWorker(folder, here, { brokers: { main: { kind: 'embedded', port } } }, children);
    await openConnection(worker, here);
    const network = connect(`mqtt://127.0.0.1:${port}`);
    children.push({ stop: () => network.endAsync(true) });
    const heard = names.slice(0, options.heard);
    await hearAll(network, heard);
    await until('HERE has an uplink of each', 300_000, () => sandbox.stats().acceptedRecords >= heard.length);
    say(`  ${heard.length} of ${names.length} devices are heard`);
    return await measure(sandbox, network, heard, options);
  } finally {
    for (const child of children.reverse()) await child.stop();
    await sandbox.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function hearAll(network: MqttClient, names: readonly string[]): Promise<void> {
  for (let from = 0; from < names.length; from += WINDOW) {
    const sent = names.slice(from, from + WINDOW).map((DevEUI) => {
      const uplink = { Time: new Date().toISOString(), DevEUI, FPort: 1, payload: { temperature: 20 } };
      return network.publishAsync(`mqtt/things/${DevEUI}/uplink`, JSON.stringify({ DevEUI_uplink: uplink }), {
        qos: 1,
      });
    });
    await Promise.all(sent);
  }
}

async function measure(
  sandbox: Sandbox,
  network: MqttClient,
  names: readonly string[],
  { changesPerMinute, minutes }: CommandPaceOptions,
): Promise<CommandPace> {
  const arrived = new Map<string, number>();
  network.on('message', (_topic, payload) => {
    const { DevEUI_downlink: body } = JSON.parse(String(payload)) as { DevEUI_downlink: { payload_hex: string } };
    arrived.set(body.payload_hex, performance.now());
  });
  await network.subscribeAsync('mqtt/things/+/downlink', { qos: 1 });
  const application = await applicationOf(sandbox);
  const looks = new Looks(sandbox);
  const desired = new Map<string, number>();
  const count = Math.round(changesPerMinute * minutes);
  for (let n = 0; n < count; n++) {
    // As far apart in the project as can be, and not in step with the looks.
    const device = names[Math.floor((n * names.length) / count)] as string;
    const hex = n.toString(16).padStart(8, '0');
    await application(device, hex);
    desired.set(hex, performance.now());
    await new Promise((resolve) => setTimeout(resolve, (60_000 / changesPerMinute) * (0.5 + Math.random())));
  }
  await until('all are downlinks', 120_000, () => arrived.size >= count).catch(() => {});
  looks.stop();
  const took = [...desired].flatMap(([hex, at]) => (arrived.has(hex) ? [(arrived.get(hex) as number) - at] : []));
  return {
    p50Ms: median(took),
    maxMs: Math.max(...took),
    intervalMs: looks.intervalMs,
    requestsMax: looks.requestsMax,
    looks: looks.count,
    changes: count,
    missing: count - took.length,
  };
}

/** What the bridge asks of shadows, as the sandbox counts it. */
class Looks {
  readonly #starts: number[] = [];
  readonly #requests: number[] = [];
  readonly #timer: NodeJS.Timeout;

  constructor(sandbox: Sandbox) {
    const total = (): number => {
      const { requests } = sandbox.stats();
      const of = (route: string): number => Object.values(requests[route] ?? {}).reduce((sum, n) => sum + n, 0);
      return of('GET /shadows/v4') + of('POST /shadows/v2/batch');
    };
    let before = total();
    this.#timer = setInterval(() => {
      const now = total();
      if (now === before) return;
      const at = performance.now();
      if (at - (this.#starts.at(-1) ?? Number.NEGATIVE_INFINITY) > ONE_LOOK_MS) {
        this.#starts.push(at);
        this.#requests.push(0);
      }
      this.#requests[this.#requests.length - 1] = (this.#requests.at(-1) ?? 0) + now - before;
      before = now;
    }, 20);
  }

  get count(): number {
    return this.#starts.length;
  }

  get requestsMax(): number {
    return Math.max(...this.#requests);
  }

  get intervalMs(): number {
    return median(this.#starts.slice(1).map((at, n) => at - (this.#starts[n] as number)));
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

/** Writes the desired shadow with a log-in of its own. */
async function applicationOf({ url }: Sandbox): Promise<(device: string, hex: string) => Promise<void>> {
  const headers = { 'content-type': 'application/json' };
  const body = JSON.stringify({ email: EMAIL, password: PASSWORD });
  const answer = await fetch(`${url}/users/v2/login`, { method: 'POST', headers, body });
  const { accessToken } = (await answer.json()) as { accessToken: string };
  return async (device, hex) => {
    const written = await fetch(`${url}/shadows/v2/${device}?appId=${APP_ID}`, {
      method: 'PUT',
      headers: { ...headers, authorization: `Bearer ${accessToken}` },
      body: JSON.stringify({ desired: { payload: { FPort: 2, payload_hex: hex } } }),
    });
    if (written.status !== 200) throw new Error(`HERE answered ${written.status} ${await written.text()}`);
  };
}
