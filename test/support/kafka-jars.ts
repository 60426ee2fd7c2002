// Apache Kafka's own server from Maven's jars, run by Java: KRaft, one node, in a folder of its own. The jars are fetched once
// and kept outside of the project, in the user's cache folder.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

export const KAFKA_VERSION = '4.4.0';

const CACHE = process.env.HERE_TEST_CACHE ?? path.join(os.homedir(), '.cache', 'here-tracking-bridge');
const JARS = path.join(CACHE, `kafka-${KAFKA_VERSION}`, 'libs');
const POM = `<project><modelVersion>4.0.0</modelVersion><groupId>test</groupId><artifactId>kafka</artifactId><version>1</version>
<dependencies><dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${KAFKA_VERSION}</version></dependency></dependencies></project>
`;

function hasJars(): boolean {
  return existsSync(path.join(JARS, `kafka_2.13-${KAFKA_VERSION}.jar`));
}

/** Java, and the jars or Maven to fetch them. */
export function hasJava(): boolean {
  if (spawnSync('java', ['-version']).status !== 0) return false;
  return hasJars() || spawnSync('mvn', ['-v']).status === 0;
}

/** Java's class path. Fetches the jars with Maven where they are missing; throws when that fails. */
export function kafkaJars(): string {
  if (!hasJars()) {
    const making = path.join(CACHE, `kafka-${KAFKA_VERSION}-${process.pid}`);
    mkdirSync(making, { recursive: true });
    writeFileSync(path.join(making, 'pom.xml'), POM);
    const goal = ['dependency:copy-dependencies', '-DincludeScope=runtime', `-DoutputDirectory=${making}/libs`];
    const { status, stdout } = spawnSync('mvn', ['-q', '-B', '-f', path.join(making, 'pom.xml'), ...goal]);
    if (status !== 0) throw new Error(`Maven did not fetch Kafka ${KAFKA_VERSION}: ${String(stdout).slice(-2000)}`);
    rmSync(path.dirname(JARS), { recursive: true, force: true });
    renameSync(making, path.dirname(JARS));
  }
  return `${JARS}/*`;
}

export interface KafkaProcess {
  readonly pid: number;
  readonly exited: Promise<number | null>;
  kill(signal?: NodeJS.Signals): void;
}

/** Quick to start rather than quick in the long run. */
export const JAVA_OPTIONS = ['-Xms256m', '-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];

/** A new store in `folder` for a server with these properties (`server.properties`). */
export function formatKafka(
  folder: string,
  properties: Readonly<Record<string, string>>,
  scram: readonly string[] = [],
): void {
  mkdirSync(folder, { recursive: true });
  const file = path.join(folder, 'server.properties');
  writeFileSync(
    file,
    Object.entries({ ...properties, 'log.dirs': path.join(folder, 'data') })
      .map(([key, value]) => `${key}=${value}\n`)
      .join(''),
  );
  const users = scram.flatMap((user) => ['--add-scram', user]);
  const format = ['kafka.tools.StorageTool', 'format', '-t', '5L6g3nShT-eMCtK--X86sw', '-c', file, ...users];
  const { status, stdout, stderr } = spawnSync('java', [...JAVA_OPTIONS, '-cp', kafkaJars(), ...format]);
  if (status !== 0 || !existsSync(path.join(folder, 'data')) || readdirSync(path.join(folder, 'data')).length === 0) {
    throw new Error(`Kafka's store could not be made: ${String(stdout).slice(-1000)} ${String(stderr).slice(-1000)}`);
  }
}

/** Starts the server on a folder that `formatKafka` has made; it listens some seconds later. */
export function runKafka(folder: string): KafkaProcess {
  const args = [...JAVA_OPTIONS, '-cp', kafkaJars(), 'kafka.Kafka', path.join(folder, 'server.properties')];
  const child = spawn('java', args, { stdio: 'ignore' });
  const exited = new Promise<number | null>((resolve) => {
    child.once('exit', (code) => resolve(code));
    child.once('error', () => resolve(null));
  });
  return { pid: child.pid ?? 0, exited, kill: (signal = 'SIGKILL') => child.kill(signal) };
}

/** For one node that is broker and controller. `listener` is what clients use. */
export function kafkaProperties(
  port: number,
  controllerPort: number,
  more: Readonly<Record<string, string>> = {},
): Record<string, string> {
  return {
    'node.id': '1',
    'process.roles': 'broker,controller',
    listeners: `CLIENT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `CLIENT://127.0.0.1:${port}`,
    'inter.broker.listener.name': 'CLIENT',
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,CLIENT:PLAINTEXT',
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    'offsets.topic.replication.factor': '1',
    'offsets.topic.num.partitions': '2',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'transaction.state.log.num.partitions': '2',
    'share.coordinator.state.topic.replication.factor': '1',
    'share.coordinator.state.topic.min.isr': '1',
    'group.initial.rebalance.delay.ms': '0',
    'auto.create.topics.enable': 'true',
    'num.partitions': '1',
    ...more,
  };
}
