// `npm run test:compose`: builds the image, runs the compose stack with three bridges and its demo, kills one of them, restarts
// Kafka, goes down to two and up again, all under load, and counts what arrived.
import { createServer } from 'node:net';
import { judge } from '../../src/chaos/books.ts';
import { freePort } from '../../src/chaos/wait.ts';
import { imbalance, type Ledger, sumReasons } from '../../src/domain/ledger.ts';
import { KAFKA_VERSION } from '../support/kafka-jars.ts';
import { check, counts, waitUntil, within } from './checks.ts';
import { docker, findEngine, inspect, Stack } from './engine.ts';
import { Load, makeTopics, type Tenant, tenants } from './load.ts';
import { SandboxView, Topics } from './observe.ts';
import { anyWorker, healthy, runningBridges, Scene } from './scene.ts';

const MINUTE_MS = 60_000;
const IMAGES = ['node:24-bookworm-slim', 'eclipse-mosquitto:2', `apache/kafka:${KAFKA_VERSION}`];
const BRIDGES = 3;
const TENANTS = 9;
/** Uplinks a second of each connection. */
const RATE = 5;
/** A bridge exits within 10 s of SIGTERM; a second for the engine. */
const MOST_STOP_MS = 11_000;

interface Ports {
  readonly http: string;
  readonly kafka: number;
  readonly mqtt: number;
  readonly sandbox: number;
}

async function run(stack: Stack, image: string, ports: Ports): Promise<void> {
  await stack.build();
  check('the image is built', true, image);
  await checkImage(image);
  await stack.up(BRIDGES);
  const bridges = await runningBridges(stack);
  await Promise.all(bridges.map(healthy));
  await checkContainers(stack);

  const kafka = `127.0.0.1:${ports.kafka}`;
  const topics = new Topics(kafka);
  const sandbox = new SandboxView(`http://127.0.0.1:${ports.sandbox}`);
  const all = tenants(TENANTS);
  let load: Load | null = null;
  try {
    await makeTopics(kafka, all);
    const worker = await anyWorker(bridges);
    for (const { id, definition } of all) await worker.define(id, definition);
    await checkDemo(topics);
    await sourcesUp(topics, all);
    load = new Load(all, { rate: RATE, mqttPort: ports.mqtt, kafkaPort: ports.kafka });
    const scene = new Scene({ stack, tenants: all, load, topics, sandbox });
    await scene.settled(BRIDGES);
    await scene.killOne();
    await scene.restartKafka();
    await scene.scaleTo(BRIDGES - 1);
    await scene.scaleTo(BRIDGES);
    await load.stop();
    await checkOutcome(topics, sandbox, all, load);
    checkOrder(sandbox, all, load, scene);
    await checkStop(stack);
  } finally {
    await load?.stop().catch(() => {});
    await topics.close();
  }
}

async function checkImage(image: string): Promise<void> {
  const modules = (await docker(['run', '--rm', '--entrypoint', 'ls', image, 'node_modules'])).split('\n');
  const development = modules.filter((name) => ['vitest', 'typescript', 'testcontainers', '@biomejs'].includes(name));
  check('the image has production dependencies only', development.length === 0, `${modules.length} packages`);
}

async function checkContainers(stack: Stack): Promise<void> {
  const services = ['bridge', 'kafka', 'mosquitto', 'sandbox', 'fleet', 'fleet-kafka'];
  const ids = (await Promise.all(services.map((service) => stack.containers(service)))).flat();
  const seen = await Promise.all(
    ids.map((id) => inspect(id, '{{.Config.User}} {{.HostConfig.ReadonlyRootfs}} {{.HostConfig.Memory}}')),
  );
  const wrong = seen.filter((each) => !/^[1-9][\d:]* true [1-9]\d*$/.test(each));
  check(
    'no container runs as root, has a writable root or no bound of memory',
    wrong.length === 0,
    `${ids.length} containers${wrong.map((each) => `, ${each}`).join('')}`,
  );
  const answer = await stack.runOnce('topics', ['topics', 'check', '--json']);
  const found = answer
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { topic: string; state: string });
  const bad = found.filter(({ state }) => state !== 'ok');
  check(
    'Kafka’s topics are set as they must be',
    found.length > 0 && bad.length === 0,
    `${found.length} topics${bad.map(({ topic, state }) => `, ${topic} ${state}`).join('')}`,
  );
}

/** Two connections that came with the stack: one reads from MQTT, one from Kafka. */
async function checkDemo(topics: Topics): Promise<void> {
  const demo = ['demo', 'demo-kafka'];
  const delivered = (id: string): number => topics.ledger(id).sum.delivered;
  await waitUntil('the demo delivers', MINUTE_MS, () =>
    demo.every((id) => topics.status(id)?.state === 'OPENED' && delivered(id) > 10),
  );
  check('the demo delivers from MQTT and from Kafka', true, demo.map((id) => `${id} ${delivered(id)}`).join(', '));
}

/** What is published before a connection's first session exists is its broker's to drop, although it acknowledges it. */
async function sourcesUp(topics: Topics, all: readonly Tenant[]): Promise<void> {
  await waitUntil('every connection listens', MINUTE_MS, () =>
    all.every(({ id }) => topics.status(id)?.state === 'OPENED' && topics.status(id)?.source?.up === true),
  );
}

async function checkOutcome(topics: Topics, sandbox: SandboxView, all: readonly Tenant[], load: Load): Promise<void> {
  const judgements = () =>
    all.map(({ id, appId }) => judge(load.acknowledged(id), sandbox.arrivals(appId), [], sums(topics.ledger(id).sum)));
  // What is missing then is told below, with figures.
  await within(MINUTE_MS, async () => {
    await sandbox.look();
    return judgements().every(({ missing, imbalances }) => missing.length === 0 && imbalances.length === 0);
  });
  const judged = judgements();
  const sum = (of: (each: (typeof judged)[number]) => number): number =>
    judged.reduce((all, each) => all + of(each), 0);
  const lost = judged.flatMap(({ missing }) => missing);
  check(
    'every acknowledged uplink arrived',
    lost.length === 0,
    `${load.total - lost.length} of ${load.total}${lost[0] === undefined ? '' : `, the first is ${lost[0]}`}`,
  );
  const copies = sum((each) => each.duplicates);
  check('few arrived twice', copies <= load.total / 4, `${copies} copies of ${load.total}`);
  const ledgers = all.map(({ id }) => topics.ledger(id));
  const wrong = judged.flatMap(({ imbalances }, at) => imbalances.map((each) => `${all[at]?.id}: ${each}`));
  const balanced = ledgers.every(({ sum }) => imbalance(sum) === 0 && sum.pending === 0);
  const most = Math.max(...ledgers.map(({ workers }) => workers));
  check(
    'each ledger, the sum over the workers, agrees with the books',
    balanced && wrong.length === 0,
    `${ledgers.length} ledgers of up to ${most} workers${wrong
      .slice(0, 3)
      .map((each) => `; ${each}`)
      .join('')}`,
  );
  check('a ledger was really summed up', most > 1, `${most} workers`);
  const { logIns, failed } = await sandbox.mostLogIns();
  check('no take-over needed a log-in', logIns === 1 && failed === 0, `at most ${logIns} an account, ${failed} failed`);
  const open = all.filter(({ id }) => topics.status(id)?.state === 'OPENED');
  check('all connections are OPENED', open.length === all.length, topics.states);
}

/** Order is kept by a connection's worker: only what is taken while it changes may come late. */
function checkOrder(sandbox: SandboxView, all: readonly Tenant[], load: Load, { moves }: Scene): void {
  const own = sandbox.late.flatMap(({ appId, key }) => {
    const tenant = all.find((each) => each.appId === appId);
    const uplink = tenant && load.acknowledged(tenant.id).find((each) => each.key === key);
    return uplink ? [{ ...uplink, id: tenant.id }] : [];
  });
  const mayBeLate = (id: string, at: number): boolean =>
    moves.some(({ from, to, ids }) => at >= from && at <= to && (ids?.includes(id) ?? true));
  const outside = own.filter(({ id, at }) => !mayBeLate(id, at));
  const seen = `${outside.length} out of order${outside[0] === undefined ? '' : `, the first is ${outside[0].id} ${outside[0].key}`}; ${own.length - outside.length} while its connection moved`;
  check('each device’s records arrived in order, but for take-overs', outside.length === 0, seen);
}

async function checkStop(stack: Stack): Promise<void> {
  const [bridge = ''] = await runningBridges(stack);
  const startMs = performance.now();
  await docker(['stop', '-t', '20', bridge]);
  const tookMs = performance.now() - startMs;
  const code = await inspect(bridge, '{{.State.ExitCode}}');
  check(
    'SIGTERM ends a bridge with exit code 0 within 10 s',
    code === '0' && tookMs < MOST_STOP_MS,
    `code ${code} after ${(tookMs / 1000).toFixed(1)} s`,
  );
}

function sums(ledger: Ledger) {
  const { received, delivered, pending } = ledger;
  const [expired = 0, filtered = 0, skipped = 0, deadLettered = 0] = [
    ...[ledger.expired, ledger.filtered, ledger.skipped, ledger.deadLettered].map(sumReasons),
  ];
  return { received, delivered, pending, expired, filtered, skipped, deadLettered };
}

/** The first of enough ports that were free a moment ago. */
async function freeRange(count: number): Promise<string> {
  for (let tries = 0; tries < 50; tries++) {
    const first = await freePort();
    const all = await Promise.all(Array.from({ length: count }, (_, at) => isFree(first + at)));
    if (all.every(Boolean)) return `${first}-${first + count - 1}`;
  }
  throw new Error(`no ${count} free ports in a row`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

async function main(): Promise<void> {
  const engine = findEngine(process.env, IMAGES);
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
  const ports = {
    http: await freeRange(BRIDGES + 2),
    kafka: await freePort(),
    mqtt: await freePort(),
    sandbox: await freePort(),
  };
  const stack = new Stack({ compose: engine.compose, project, image, ports, accounts: TENANTS }, process.env);
  const interrupted = (): void => void stack.down().finally(() => process.exit(130));
  process.once('SIGINT', interrupted);
  process.once('SIGTERM', interrupted);
  try {
    await run(stack, image, ports);
  } catch (error) {
    check('the run came to its end', false, error instanceof Error ? error.message : String(error));
  }
  if (counts().failed > 0) await showLogs(stack);
  try {
    await stack.down();
    console.log('taken down');
  } catch (error) {
    check('all was taken down', false, error instanceof Error ? error.message : String(error));
  }
  const { passed, failed } = counts();
  console.log(`${passed} passed, ${failed} failed, 0 skipped`);
  process.exitCode = failed > 0 ? 1 : 0;
}

async function showLogs(stack: Stack): Promise<void> {
  for (const service of ['bridge', 'topics', 'kafka', 'mosquitto', 'sandbox', 'connect', 'fleet', 'fleet-kafka']) {
    // One that was never started has none: the failure above says why.
    const text = await stack.logs(service, 40).catch(() => null);
    if (text !== null) console.log(`--- ${service}\n${text}`);
  }
}

await main();
