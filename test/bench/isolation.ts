// isolation: a healthy tenant alone, and beside one whose HERE hangs for ever, in pairs within one run. Latency is from the
// publishing of an uplink until HERE has its record; broker, bridge and the two HEREs are processes of their own.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import mqtt, { type MqttClient } from 'mqtt';
import { freePort } from '../support/free-port.ts';
import { findProgram } from '../support/requirements.ts';
import { type Child, median, start, until } from './process.ts';
import { MAIN, startWorker, type Worker } from './worker.ts';

export interface IsolationOptions {
  readonly pairs: number;
  /** Uplinks of each tenant in each half of a pair, and how many a second. */
  readonly uplinks: number;
  readonly perSecond: number;
}

export interface IsolationResult {
  /** Medians over the pairs, ms. */
  readonly aloneP99Ms: number;
  readonly besideP99Ms: number;
  /** Medians of the differences and ratios pair by pair. */
  readonly differenceMs: number;
  readonly ratio: number;
  readonly pairs: readonly (readonly [aloneP99Ms: number, besideP99Ms: number])[];
  /** Uplinks of the tenant whose HERE hangs that wait at the end: all of its own. */
  readonly waiting: number;
}

interface Here {
  readonly url: string;
  readonly email: string;
  readonly password: string;
  readonly appIds: readonly string[];
}

const DEVICES = 100;
const WARM_UP = 500;
const WAIT_MS = 60_000;

export async function isolation(options: IsolationOptions, say: (line: string) => void): Promise<IsolationResult> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'here-bridge-isolation-'));
  const children: Child[] = [];
  let client: MqttClient | null = null;
  try {
    const broker = await startBroker(folder, children);
    const fine = await startHere(children);
    const hanging = await startHere(children);
    const services = path.join(folder, 'services.json');
    writeFileSync(
      services,
      JSON.stringify({ here: { services: { fine: { url: fine.url }, hanging: { url: hanging.url } } } }),
    );
    const worker = startWorker(path.join(folder, 'data'), ['--config', services, '--broker-url', broker], {}, children);
    await worker.ready();
    await define(worker, 'fine', fine, true);
    await define(worker, 'hanging', hanging, true);
    client = await mqtt.connectAsync(broker);
    const tenants = { fine: new Tenant('fine', client), hanging: new Tenant('hanging', client) };
    // The first ones create their devices.
    await publish([tenants.fine, tenants.hanging], WARM_UP, options.perSecond);
    await until('the warm-up arrives', WAIT_MS, async () => (await accepted(fine)) >= WARM_UP);
    await until('the warm-up arrives', WAIT_MS, async () => (await accepted(hanging)) >= WARM_UP);
    await post(hanging, '/faults', { name: 'hang', path: '/v3/batch' });

    const pairs: [number, number][] = [];
    let beside = 0;
    for (let pair = 0; pair < options.pairs; pair++) {
      const half = async (isAlone: boolean): Promise<number> => {
        await define(worker, 'hanging', hanging, !isAlone);
        if (!isAlone) beside += options.uplinks;
        const from = Date.now();
        await publish(isAlone ? [tenants.fine] : [tenants.fine, tenants.hanging], options.uplinks, options.perSecond);
        return p99(await latencies(fine, from, options.uplinks));
      };
      // Taking turns, so that what drifts does so for both.
      const isAloneFirst = pair % 2 === 0;
      const first = await half(isAloneFirst);
      const second = await half(!isAloneFirst);
      const [alone, other] = isAloneFirst ? [first, second] : [second, first];
      pairs.push([alone, other]);
      say(`  pair ${pair + 1}: p99 ${alone.toFixed(1)} ms alone, ${other.toFixed(1)} ms beside one that hangs`);
    }
    const waiting = (await worker.connection('hanging'))?.ledger?.pending ?? 0;
    if (waiting < beside) throw new Error(`${waiting} uplinks of the hanging tenant wait, ${beside} should`);
    return {
      aloneP99Ms: median(pairs.map(([alone]) => alone)),
      besideP99Ms: median(pairs.map(([, other]) => other)),
      differenceMs: median(pairs.map(([alone, other]) => other - alone)),
      ratio: median(pairs.map(([alone, other]) => other / alone)),
      pairs,
      waiting,
    };
  } finally {
    await client?.endAsync(true);
    for (const child of children.reverse()) await child.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function startBroker(folder: string, children: Child[]): Promise<string> {
  const port = await freePort();
  const file = path.join(folder, 'mosquitto.conf');
  const lines = [`listener ${port} 127.0.0.1`, 'allow_anonymous true', 'max_queued_messages 0', 'log_type error', ''];
  writeFileSync(file, lines.join('\n'));
  children.push(start(findProgram('mosquitto'), ['-c', file]));
  return `mqtt://127.0.0.1:${port}`;
}

async function startHere(children: Child[]): Promise<Here> {
  const child = start(process.execPath, [MAIN, 'sandbox', '--port', '0']);
  children.push(child);
  return JSON.parse(await child.line()) as Here;
}

/** Resolves when it is as it should be. */
async function define(worker: Worker, id: string, here: Here, active: boolean): Promise<void> {
  const { email, password, appIds } = here;
  const source = { topics: [`${id}/+/uplink`] };
  const configuration = { email, password, appId: appIds[0], service: id, source };
  await worker.call('PUT', `/connections/${id}`, { connectorId: 'actility-here-iot', name: id, active, configuration });
  await until(`${id} is ${active ? 'open' : 'at rest'}`, WAIT_MS, async () => {
    const now = await worker.connection(id);
    return active ? now?.state === 'OPENED' && now.status.source?.up === true : now?.state === 'DEACTIVATED';
  });
}

class Tenant {
  readonly #name: string;
  readonly #client: MqttClient;
  readonly #last = new Map<string, number>();
  #count = 0;

  constructor(name: string, client: MqttClient) {
    this.#name = name;
    this.#client = client;
  }

  /** Its time is that of its publishing, so that the record says when that was. */
  async send(): Promise<void> {
    const device = `70B3D5${this.#name === 'fine' ? 'A' : 'B'}${String(this.#count++ % DEVICES).padStart(9, '0')}`;
    const time = Math.max(Date.now(), (this.#last.get(device) ?? 0) + 1);
    this.#last.set(device, time);
    const uplink = {
      Time: new Date(time).toISOString(),
      DevEUI: device,
      FPort: 2,
      payload_hex: '0102',
      payload: { t: 1 },
    };
    const text = JSON.stringify({ DevEUI_uplink: uplink });
    await this.#client.publishAsync(`${this.#name}/${device}/uplink`, text, { qos: 1 });
  }
}

async function publish(tenants: readonly Tenant[], count: number, perSecond: number): Promise<void> {
  const startedAt = performance.now();
  const sent: Promise<void>[] = [];
  for (let n = 0; n < count; n++) {
    const waitMs = startedAt + (n * 1000) / perSecond - performance.now();
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    for (const tenant of tenants) sent.push(tenant.send());
  }
  await Promise.all(sent);
}

/** Of the records from `from` on, ms. Resolves when all have arrived. */
async function latencies({ url, appIds }: Here, from: number, count: number): Promise<number[]> {
  const found: number[] = [];
  await until('the uplinks arrive', WAIT_MS, async () => {
    found.length = 0;
    for (let token: string | undefined = ''; token !== undefined; ) {
      const query = new URLSearchParams({ appId: appIds[0] ?? '', from: String(from), limit: '10000' });
      if (token !== '') query.set('pageToken', token);
      const page = (await (await fetch(`${url}/sandbox/received?${query}`)).json()) as {
        records: readonly { timestamp: number; receivedAt: number }[];
        nextPageToken?: string;
      };
      for (const { timestamp, receivedAt } of page.records) found.push(receivedAt - timestamp);
      token = page.nextPageToken;
    }
    return found.length >= count;
  });
  return found;
}

function p99(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * 0.99) - 1] ?? Number.NaN;
}

async function accepted({ url }: Here): Promise<number> {
  return ((await (await fetch(`${url}/sandbox/stats`)).json()) as { acceptedRecords: number }).acceptedRecords;
}

async function post({ url }: Here, route: string, body: object): Promise<void> {
  const answer = await fetch(`${url}/sandbox${route}`, { method: 'POST', body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`POST /sandbox${route}: ${answer.status} ${await answer.text()}`);
}
