// `here-bridge doctor`: looks at everything that a bridge stands on, without starting one and without a log-in at HERE.
import { randomUUID } from 'node:crypto';
import { accessSync, constants, existsSync, statfsSync } from 'node:fs';
import path from 'node:path';
import { createCommand, kafkaName, ownTopic } from '../brokers/kafka-topics.ts';
import type { Config } from '../config/config.ts';
import { describeError } from '../domain/errors.ts';
import type { Broker } from '../domain/ports/broker.ts';
import type { Chance, Clock } from '../domain/ports/clock.ts';
import { HereHttp, type HttpAnswer } from '../here/http.ts';
import { Brokers, brokersToLookAt } from './brokers.ts';
import { publisherUp } from './publisher-up.ts';
import { proxySettings, versionOf } from './setup.ts';

export interface Finding {
  /** What was looked at, in a few words. */
  readonly what: string;
  readonly ok: boolean;
  /** One plain sentence: what was found, and if it is not well, what to do. */
  readonly message: string;
}

export interface DoctorParts {
  readonly clock: Clock;
  readonly chance: Chance;
  /** True: a bridge runs on the data directory, and its own broker listens. */
  readonly isRunning: boolean;
}

const BROKER_MS = 5_000;
const SNAPSHOT_MS = 500;
const HERE_MS = 10_000;
const LEAST_FREE_BYTES = 1024 ** 3;
/** HERE's clock is told in whole seconds, and a request takes its time. */
const CLOCK_OFF_MS = 5_000;

/** In the order of looking; never throws. */
export async function* examine(config: Config, parts: DoctorParts): AsyncGenerator<Finding, void> {
  yield dataDirectory(config.dataDir);
  yield freeSpace(config);
  yield* await brokers(config, parts);
  for (const name of Object.keys(config.here.services)) yield* here(config, name, parts);
}

function dataDirectory(dataDir: string): Finding {
  const what = 'data directory';
  const place = nearest(dataDir);
  try {
    accessSync(place, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    return { what, ok: false, message: `${place} cannot be written: ${describeError(error)}. Give it to this user.` };
  }
  return { what, ok: true, message: place === dataDir ? `${dataDir} can be written` : `${dataDir} can be made` };
}

function freeSpace({ dataDir, budgets }: Config): Finding {
  const what = 'disk';
  try {
    const { bavail, bsize } = statfsSync(nearest(dataDir));
    const free = bavail * bsize;
    const text = `${gib(free)} free; a connection's journal may take ${gib(budgets.journalMaxBytes)}`;
    const ok = free >= Math.max(LEAST_FREE_BYTES, budgets.journalMaxBytes);
    return { what, ok, message: ok ? text : `${text}: make room, or lower budgets.journalMaxBytes` };
  } catch (error) {
    return { what, ok: false, message: `the free space cannot be read: ${describeError(error)}` };
  }
}

async function brokers(config: Config, parts: DoctorParts): Promise<readonly Finding[]> {
  const { clock, chance, isRunning } = parts;
  const others = brokersToLookAt(config);
  const names = Object.keys(others);
  const findings: Finding[] = Object.entries(config.brokers)
    .filter(([, { kind }]) => kind === 'embedded')
    .map(([name]) => {
      const message = isRunning ? 'the bridge that runs has it' : 'the bridge starts it itself';
      return { what: `broker ${name}`, ok: true, message };
    });
  if (names.length === 0) return findings;
  const { topics, sources, dataDir } = config;
  const found = new Brokers({
    brokers: others,
    topics,
    sources: config.sources,
    dataDir,
    clock,
    chance,
    onNotice: () => {},
  });
  try {
    for (const name of names) {
      const broker = found.get(name) as Broker;
      const reached = await publisherUp(broker, `here-bridge-doctor-${randomUUID().slice(0, 8)}`, {
        clock,
        timeoutMs: BROKER_MS,
      });
      const what = `broker ${name}`;
      if (reached !== null) {
        findings.push({ what, ok: false, message: `it cannot be reached: ${reached}` });
        continue;
      }
      findings.push({ what, ok: true, message: 'it is reached, and takes the credentials' });
      if (name === topics.broker) findings.push(await configTopic(broker, config, parts));
      if (name === sources.broker && broker.findTopic !== undefined) {
        findings.push(await downlinkTopic(broker, config.downlinks.kafkaTopic));
      }
    }
  } finally {
    await found.stop();
  }
  return findings;
}

async function downlinkTopic(broker: Broker, topic: string): Promise<Finding> {
  const what = `downlink topic ${topic}`;
  try {
    const absence = (await broker.findTopic?.(topic)) ?? null;
    if (absence === null) return { what, ok: true, message: 'it is there' };
    return { what, ok: false, message: `${absence}. Until then commands wait.` };
  } catch (error) {
    return { what, ok: false, message: `it cannot be looked for: ${describeError(error)}` };
  }
}

/** Read with a session that leaves nothing behind. */
async function configTopic(broker: Broker, config: Config, { clock, isRunning }: DoctorParts): Promise<Finding> {
  const prefix = `${config.topics.prefix}/connections`;
  const what = `config topic ${prefix}`;
  const absence = await absentConfigTopic(broker, config, isRunning);
  if (absence !== null) return { what, ...absence };
  const done = Promise.withResolvers<number | string>();
  let reason = 'no answer';
  const table = broker.openTable(
    { prefix, settleMs: SNAPSHOT_MS },
    {
      onRecord: () => {},
      onSnapshot: (keys) => done.resolve(keys.size),
      onStatus: (status) => {
        if (!status.up) reason = status.reason ?? reason;
      },
    },
  );
  const cancel = clock.after(BROKER_MS, () => done.resolve(reason));
  table.start();
  try {
    const found = await done.promise;
    if (typeof found === 'number') return { what, ok: true, message: `it is read: ${found} definitions` };
    return { what, ok: false, message: `it cannot be read: ${found}. Look at the rights of the bridge's user.` };
  } finally {
    cancel();
    await table.stop();
  }
}

/** Of Kafka; null: it is there, or nobody can tell. */
async function absentConfigTopic(
  broker: Broker,
  { brokers, topics }: Config,
  isRunning: boolean,
): Promise<Pick<Finding, 'ok' | 'message'> | null> {
  const kafka = brokers[topics.broker];
  const topic = `${kafkaName(topics.prefix)}.connections`;
  const own = ownTopic(topic, topics.prefix);
  if (kafka?.kind !== 'kafka' || own === null) return null;
  // Where the cluster cannot be asked, reading says why.
  const absence = (await broker.findTopic?.(topic).catch(() => null)) ?? null;
  if (absence === null) return null;
  if (kafka.createTopics && !isRunning) {
    const message =
      'it is missing; the bridge makes it when it starts. If one ran before, look at topics.prefix and the right Describe.';
    return { ok: true, message };
  }
  const how = createCommand(topic, own, kafka.bootstrap);
  return {
    ok: false,
    message: `there is no topic "${topic}", or the right Describe on it is missing; make it with: ${how}`,
  };
}

async function* here(config: Config, name: string, parts: DoctorParts): AsyncGenerator<Finding, void> {
  const { clock, chance } = parts;
  const { url } = config.here.services[name] as Config['here']['services'][string];
  const userAgent = `here-tracking-bridge/${versionOf()}`;
  const http = new HereHttp({ url, timeoutMs: HERE_MS, proxy: proxySettings(config), userAgent, clock, chance });
  const get = (path: string): Promise<HttpAnswer> =>
    http.call({ method: 'GET', path, token: null, signal: new AbortController().signal });
  try {
    const health = await get('/v3/health');
    const what = `HERE ${name}`;
    if (health.kind === 'noAnswer') {
      const message = `${url}: ${health.message}. Look at the network, the proxy (here.proxy) and the firewall.`;
      yield { what, ok: false, message };
      return;
    }
    const ok = health.status === 200;
    yield {
      what,
      ok,
      message: ok ? `${url} is well` : `${url} answers ${health.status}: HERE has trouble, or it is not HERE`,
    };
    yield await clockOffset(name, get, clock);
  } finally {
    await http.stop();
  }
}

async function clockOffset(name: string, get: (path: string) => Promise<HttpAnswer>, clock: Clock): Promise<Finding> {
  const what = `clock against HERE ${name}`;
  const before = clock.now();
  const answer = await get('/v2/timestamp');
  const after = clock.now();
  const told = answer.kind === 'answer' && answer.status === 200 ? timestampOf(answer.body) : null;
  if (told === null) return { what, ok: false, message: 'HERE does not tell its time' };
  // Seconds, cut off: HERE's clock stood somewhere within the second that it told, at some time of the request.
  const offMs = Math.round((before + after) / 2 - (told * 1000 + 500));
  const ok = Math.abs(offMs) <= CLOCK_OFF_MS;
  const text = `this machine is ${(Math.abs(offMs) / 1000).toFixed(1)} s ${offMs < 0 ? 'behind' : 'ahead'}`;
  return { what, ok, message: ok ? text : `${text}: set its clock (NTP), for uplinks are judged by their age` };
}

function timestampOf(body: string): number | null {
  try {
    const { timestamp } = JSON.parse(body) as { timestamp?: unknown };
    return typeof timestamp === 'number' ? timestamp : null;
  } catch {
    return null;
  }
}

/** The path itself, or the nearest folder above it that exists. */
function nearest(folder: string): string {
  return existsSync(folder) ? folder : nearest(path.dirname(folder));
}

function gib(bytes: number): string {
  return `${(bytes / 1024 ** 3).toFixed(1)} GiB`;
}
