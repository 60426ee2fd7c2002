// The process that holds a test run's shared Kafka: starts it in a container or by Java, says where it is in `state.json`, and
// ends it when the run's folder, or the run itself, has gone.
//   node kafka-guard.ts FOLDER PID
import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { GenericContainer } from 'testcontainers';
import { createKafkaClient } from '../../src/brokers/kafka-client.ts';
import { freePort } from './free-port.ts';
import { formatKafka, hasJava, JAVA_OPTIONS, KAFKA_VERSION, kafkaProperties, runKafka } from './kafka-jars.ts';
import { kafkaOptions } from './kafka-options.ts';

interface Server {
  readonly port: number;
  readonly how: string;
  readonly ended: () => boolean;
  stop(): Promise<unknown>;
}

const START_MS = 120_000;

async function inContainer(): Promise<Server> {
  const port = await freePort();
  const properties = {
    ...kafkaProperties(port, 9093),
    listeners: `CLIENT://0.0.0.0:${port},CONTROLLER://localhost:9093`,
    'controller.quorum.voters': '1@localhost:9093',
  };
  const env = Object.entries(properties).map(([key, value]) => [
    `KAFKA_${key.toUpperCase().replaceAll('.', '_')}`,
    value,
  ]);
  const container = await new GenericContainer(`apache/kafka:${KAFKA_VERSION}`)
    .withEnvironment({ ...Object.fromEntries(env), KAFKA_HEAP_OPTS: JAVA_OPTIONS.join(' ') })
    .withExposedPorts({ container: port, host: port })
    .withStartupTimeout(START_MS)
    .start();
  return { port, how: 'container', ended: () => false, stop: () => container.stop({ timeout: 0 }) };
}

async function byJava(folder: string): Promise<Server> {
  const port = await freePort();
  const store = path.join(folder, 'kafka-store');
  formatKafka(store, kafkaProperties(port, await freePort()));
  const server = runKafka(store);
  let ended = false;
  void server.exited.then(() => {
    ended = true;
  });
  return { port, how: 'java', ended: () => ended, stop: async () => server.kill() };
}

/** An engine that answers may still not be able to run it. */
async function orByJava(error: unknown): Promise<Server> {
  if (!hasJava()) throw error;
  return byJava(folder);
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.unref();
    socket.once('connect', () => socket.destroy());
  });
}

/** A server that has just begun to listen answers "coordinator not available" for a while: groups and producers are waited for. */
async function warm(brokers: string): Promise<void> {
  const kafka = createKafkaClient(kafkaOptions(brokers, { retries: 10 }));
  const admin = kafka.admin();
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1, createPartitioner: () => () => 0 });
  for (const end = Date.now() + START_MS; ; await pause(200)) {
    try {
      await admin.connect();
      await admin.fetchOffsets({ groupId: 'warm-up' });
      await producer.connect();
      await producer.send({ topic: 'warm-up', messages: [{ value: 'x' }] });
      break;
    } catch (error) {
      if (Date.now() > end) throw error;
    }
  }
  await Promise.all([admin.disconnect(), producer.disconnect()]);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const [folder = '', pid = '', how = 'java'] = process.argv.slice(2);
const state = path.join(folder, 'kafka', 'state.json');

function tell(what: unknown): void {
  if (!existsSync(path.dirname(state))) return;
  writeFileSync(`${state}.new`, JSON.stringify(what));
  renameSync(`${state}.new`, state);
}

// It ends its container by itself, so that testcontainers' own guard (another image) is not needed.
process.env.TESTCONTAINERS_RYUK_DISABLED = 'true';

let server: Server | null = null;
try {
  server = how === 'container' ? await inContainer().catch(orByJava) : await byJava(folder);
  for (const end = Date.now() + START_MS; !(await accepts(server.port)); await pause(100)) {
    if (server.ended()) throw new Error('Kafka ended at its start');
    if (Date.now() > end) throw new Error(`Kafka does not listen after ${START_MS} ms`);
  }
  await warm(`127.0.0.1:${server.port}`);
  tell({ brokers: `127.0.0.1:${server.port}`, how: server.how });
  while (existsSync(folder) && isAlive(Number(pid)) && !server.ended()) await pause(500);
} catch (error) {
  tell({ error: error instanceof Error ? error.message : String(error) });
} finally {
  await server?.stop();
}
