// `npm run test:compose`: builds the image, runs the compose stack with its demo, kills the bridge, and counts what arrived.
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../src/ops/clock.ts';
import { type FleetMessage, TELEMETRY_ONLY } from '../../src/sandbox/fleet/fleet.ts';
import { type FleetPublisher, startFleetPublisher } from '../../src/sandbox/fleet/publisher.ts';
import { docker, findEngine, inspect, Stack } from './engine.ts';
import { type Arrived, SandboxView, Topics } from './observe.ts';

const MINUTE_MS = 60_000;
/** Of config/mosquitto/demo/demo.json. */
const ACCOUNT = 'yourHereAccount@actility.com';
/** The bridge exits within 10 s of SIGTERM; a second for the engine. */
const MOST_STOP_MS = 11_000;

let passed = 0;
let failed = 0;

function check(what: string, ok: boolean, seen: string): void {
  if (ok) passed += 1;
  else failed += 1;
  console.log(`${ok ? 'ok    ' : 'FAILED'}  ${what}: ${seen}`);
}

async function waitUntil(what: string, timeoutMs: number, look: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = performance.now() + timeoutMs;
  let last: unknown = null;
  while (performance.now() < endMs) {
    try {
      if (await look()) return;
      last = null;
    } catch (error) {
      // What is being started does not answer yet.
      last = error;
    }
    await sleep(250);
  }
  const because = last instanceof Error ? ` (${last.message})` : '';
  throw new Error(`not within ${timeoutMs / 1000} s: ${what}${because}`);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Publishes through the whole test and remembers every acknowledgement: what must have arrived in the end. */
class Witness {
  readonly acknowledged: FleetMessage[] = [];
  readonly #publisher: FleetPublisher;

  constructor(brokerUrl: string) {
    this.#publisher = startFleetPublisher({
      brokerUrl,
      seed: 20_260_314,
      euiPrefix: '02F1EEFFFF',
      devices: 20,
      ratePerSecond: 25,
      tags: ['demo'],
      // Only what HERE must get: then each missing record is a lost one.
      mix: { ...TELEMETRY_ONLY, undecoded: 0 },
      clock: systemClock,
      onAcknowledged: (message) => this.acknowledged.push(message),
    });
    // A failure shows in the counts.
    this.#publisher.done.catch(() => {});
  }

  async more(count: number, timeoutMs: number): Promise<void> {
    const wanted = this.acknowledged.length + count;
    await waitUntil(`${wanted} acknowledgements`, timeoutMs, () => this.acknowledged.length >= wanted);
  }

  async stop(): Promise<void> {
    await this.#publisher.stop();
  }
}

const key = (device: string, timestamp: number): string => `${device.toUpperCase()} ${timestamp}`;

function missing(sent: readonly FleetMessage[], arrived: readonly Arrived[]): FleetMessage[] {
  const there = new Set(arrived.map(({ device, timestamp }) => key(device, timestamp)));
  return sent.filter(({ devEui, timeMs }) => !there.has(key(devEui, timeMs)));
}

/** Records of the witness's devices whose first arrival came after a younger one of the same device. */
function disordered(sent: readonly FleetMessage[], arrived: readonly Arrived[]): number {
  const own = new Set(sent.map(({ devEui }) => devEui));
  const seen = new Set<string>();
  const newest = new Map<string, number>();
  let count = 0;
  for (const { device, timestamp } of arrived) {
    if (!own.has(device) || seen.has(key(device, timestamp))) continue;
    seen.add(key(device, timestamp));
    if (timestamp < (newest.get(device) ?? 0)) count += 1;
    else newest.set(device, timestamp);
  }
  return count;
}

async function healthy(container: string): Promise<void> {
  const look = (): boolean => inspect(container, '{{.State.Health.Status}}') === 'healthy';
  await waitUntil('the bridge’s container is healthy', 2 * MINUTE_MS, look);
}

function checkContainer(bridge: string, image: string): void {
  const user = inspect(bridge, '{{.Config.User}}');
  check('the bridge does not run as root', user === '1000:1000', `user ${user}`);
  check(
    'on a read-only root file system',
    inspect(bridge, '{{.HostConfig.ReadonlyRootfs}}') === 'true',
    '/data and /tmp apart',
  );
  const modules = docker(['run', '--rm', '--entrypoint', 'ls', image, 'node_modules']).split('\n');
  const development = modules.filter((name) => ['vitest', 'typescript', 'testcontainers', '@biomejs'].includes(name));
  check('the image has production dependencies only', development.length === 0, `${modules.length} packages`);
}

async function run(stack: Stack, image: string, ports: { mqtt: number; sandbox: number }): Promise<void> {
  const brokerUrl = `mqtt://127.0.0.1:${ports.mqtt}`;
  stack.build();
  check('the image is built', true, image);
  stack.up();
  const bridge = stack.container('bridge');
  await healthy(bridge);
  checkContainer(bridge, image);

  const topics = new Topics(brokerUrl);
  const sandbox = new SandboxView(`http://127.0.0.1:${ports.sandbox}`);
  let witness: Witness | null = null;
  try {
    await waitUntil(
      'the demo’s connection is OPENED',
      2 * MINUTE_MS,
      () => topics.statuses.get('demo')?.state === 'OPENED',
    );
    await waitUntil(
      'over a hundred delivered, balanced',
      3 * MINUTE_MS,
      () => topics.sum.delivered > 100 && topics.balanced,
    );
    check('the ledger balances over a hundred delivered', true, JSON.stringify(topics.sum));

    witness = new Witness(brokerUrl);
    await witness.more(75, MINUTE_MS);
    docker(['kill', bridge]);
    const state = inspect(bridge, '{{.State.Status}} {{.State.ExitCode}}');
    check(
      'the bridge is killed under load',
      state === 'exited 137',
      `${state}, ${witness.acknowledged.length} acknowledged`,
    );
    await witness.more(150, MINUTE_MS);
    docker(['start', bridge]);
    await healthy(bridge);
    await witness.more(75, MINUTE_MS);
    await witness.stop();
    docker(['stop', '-t', '10', stack.container('fleet')]);
    const sent = witness.acknowledged;

    const settled = async (): Promise<boolean> =>
      missing(sent, await sandbox.arrived()).length === 0 && topics.sum.pending === 0;
    // What is missing then is told below, with figures.
    await waitUntil('all has arrived and nothing is pending', 2 * MINUTE_MS, settled).catch(() => {});
    await checkOutcome(topics, sandbox, sent);
    checkStop(bridge);
  } finally {
    await witness?.stop().catch(() => {});
    await topics.close();
  }
}

async function checkOutcome(topics: Topics, sandbox: SandboxView, sent: readonly FleetMessage[]): Promise<void> {
  const arrived = await sandbox.arrived();
  const lost = missing(sent, arrived);
  const example = lost[0] ? `, the first is ${key(lost[0].devEui, lost[0].timeMs)}` : '';
  check(
    'every acknowledged uplink arrived',
    lost.length === 0,
    `${sent.length - lost.length} of ${sent.length}${example}`,
  );
  const own = arrived.filter(({ device }) => device.startsWith('02F1EEFFFF'));
  const copies = own.length - new Set(own.map(({ device, timestamp }) => key(device, timestamp))).size;
  // Only what was in flight at the kill: a batch per request that ran.
  check('few arrived twice', copies <= sent.length / 2, `${copies} copies of ${sent.length}`);
  const late = disordered(sent, arrived);
  check('each device’s records arrived in order', late === 0, `${late} out of order`);
  const { sum } = topics;
  check('the ledger balances with nothing pending', topics.balanced && sum.pending === 0, JSON.stringify(sum));
  const accepted = await sandbox.acceptedRecords();
  check(
    'the sandbox took what the ledger calls delivered',
    accepted >= sum.delivered,
    `${accepted} records, ${sum.delivered} delivered`,
  );
  const logIns = await sandbox.logIns(ACCOUNT);
  check('the token outlived the kill', logIns === 1, `${logIns} log-ins`);
  check('the connection is OPENED', topics.statuses.get('demo')?.state === 'OPENED', topics.states);
}

function checkStop(bridge: string): void {
  const startMs = performance.now();
  docker(['stop', '-t', '20', bridge]);
  const tookMs = performance.now() - startMs;
  const code = inspect(bridge, '{{.State.ExitCode}}');
  check(
    'SIGTERM ends it with exit code 0 within 10 s',
    code === '0' && tookMs < MOST_STOP_MS,
    `code ${code} after ${(tookMs / 1000).toFixed(1)} s`,
  );
}

async function main(): Promise<void> {
  const engine = findEngine(process.env);
  if (engine.kind === 'missing') {
    const required = process.env.REQUIRE_ALL === '1';
    console.log(`TEST:COMPOSE LEFT OUT: ${engine.why}. It needs a container engine and Compose.`);
    console.log('0 passed, 0 failed, 1 skipped');
    process.exitCode = required ? 1 : 0;
    return;
  }
  console.log(`compose stack: ${engine.version}`);
  const project = `herebridge${process.pid}`;
  const image = `here-tracking-bridge:test-${process.pid}`;
  const ports = { http: await freePort(), mqtt: await freePort(), sandbox: await freePort() };
  const stack = new Stack({ compose: engine.compose, project, image, ports }, process.env);
  const interrupted = (): void => {
    stack.down();
    process.exit(130);
  };
  process.once('SIGINT', interrupted);
  process.once('SIGTERM', interrupted);
  try {
    await run(stack, image, ports);
  } catch (error) {
    check('the run came to its end', false, error instanceof Error ? error.message : String(error));
  }
  if (failed > 0) showLogs(stack);
  try {
    stack.down();
    console.log('taken down');
  } catch (error) {
    check('all was taken down', false, error instanceof Error ? error.message : String(error));
  }
  console.log(`${passed} passed, ${failed} failed, 0 skipped`);
  process.exitCode = failed > 0 ? 1 : 0;
}

function showLogs(stack: Stack): void {
  for (const service of ['bridge', 'mosquitto', 'sandbox', 'connect', 'fleet']) {
    try {
      console.log(`--- ${service}\n${stack.logs(service, 25)}`);
    } catch {
      // It was never started: the failure above says why.
    }
  }
}

await main();
