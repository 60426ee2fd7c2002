// One run against a cluster: traffic over MQTT and Kafka, one to three workers and down to two, faults in an order drawn from the seed,
// and a judgement by books of its own: what publishers had acknowledged, what HERE holds, what the directories' ledgers add up to.
import path from 'node:path';
import { createKafkaBroker } from '../../../src/brokers/kafka.ts';
import { createKafkaClient } from '../../../src/brokers/kafka-client.ts';
import { Arrivals } from '../../../src/chaos/arrivals.ts';
import { type Acknowledged, judge } from '../../../src/chaos/books.ts';
import { Publisher } from '../../../src/chaos/publishers.ts';
import { pause, until } from '../../../src/chaos/wait.ts';
import { addLedgers, type Ledger, sumReasons } from '../../../src/domain/ledger.ts';
import { devEuiOf, euiPrefixOf } from '../../../src/sandbox/fleet/fleet.ts';
import { seededDice } from '../../../src/sandbox/fleet/seeded-chance.ts';
import { kafkaBrokerOptions, kafkaOptions } from '../../support/kafka-options.ts';
import { type ConnectionSpec, MENDED, RENEWED, TROUBLED, WRONG } from './cast.ts';
import { FAULTS, type FaultName, faultsOf } from './faults.ts';
import { KafkaPublisher } from './kafka-publisher.ts';
import { judgeLogIns } from './log-ins.ts';
import { ClusterStack } from './stack.ts';
import { Takeovers } from './takeovers.ts';

export interface RunOptions {
  readonly seed: number;
  readonly faults: number;
  readonly dir: string;
  readonly connections: number;
  /** Uplinks a second of each connection. */
  readonly rate: number;
  readonly say: (line: string) => void;
}

export interface ClusterVerdict {
  readonly seed: number;
  readonly faults: readonly FaultName[];
  readonly acknowledged: number;
  readonly missing: number;
  readonly brokerLost: number;
  readonly duplicates: number;
  readonly unbalanced: number;
  readonly takeoverMs: { readonly p50: number | null; readonly max: number | null };
  readonly tokensPerAccountMax: number;
  readonly loginsPerAccountMax: number;
  readonly failedLoginsPerAccountMax: number;
  /** In definitions, of all accounts: each is to be refused once. */
  readonly wrongPasswords: number;
  readonly refusedLogins: number;
  readonly ok: boolean;
}

interface Source {
  readonly spec: ConnectionSpec;
  readonly devices: readonly string[];
  readonly publisher: Publisher | KafkaPublisher;
}

const DEVICES = 20;
const DRAIN_MS = 120_000;
const STILL_MS = 45_000;
const SETTLE_MS = 45_000;
/** What a take-over may take. */
const TAKEOVER_MS = 15_000;

export async function runCluster(options: RunOptions): Promise<ClusterVerdict> {
  const { seed, dir, connections, say } = options;
  const prefix = 'chaos-cluster';
  const stack = await ClusterStack.start({
    ...{ dir, seed, connections, more: TROUBLED, prefix, kafka: null, partitions: 16, topics: 'kafka' },
  });
  const run = new Run(stack, options, prefix);
  try {
    return await run.run();
  } catch (error) {
    say(`logs and data are in ${dir}`);
    throw error;
  } finally {
    await run.stop();
    await stack.stop();
  }
}

class Run {
  readonly #stack: ClusterStack;
  readonly #options: RunOptions;
  readonly #prefix: string;
  readonly #sources: readonly Source[];
  readonly #arrivals: Arrivals;
  readonly #takeovers: Takeovers;
  readonly #timer: NodeJS.Timeout;
  #tokens = 0;

  constructor(stack: ClusterStack, options: RunOptions, prefix: string) {
    this.#stack = stack;
    this.#options = options;
    this.#prefix = prefix;
    this.#arrivals = new Arrivals(stack.recordFile);
    const kafka = createKafkaClient(kafkaOptions(stack.kafka?.brokers ?? '', { retries: 5 }));
    const published = stack.connections.filter((spec) => !WRONG.includes(spec));
    this.#sources = published.map((spec, index) => {
      const seed = (options.seed * 1000 + index) >>> 0;
      const publisher =
        spec.topic === null
          ? new Publisher({ port: stack.mosquitto.port, connectionId: spec.id, seed, devices: DEVICES, keepaliveS: 3 })
          : new KafkaPublisher(kafka, { topic: spec.topic, seed, devices: DEVICES });
      const devices = Array.from({ length: DEVICES }, (_, at) => devEuiOf(euiPrefixOf({ seed }), at));
      return { spec, devices, publisher };
    });
    this.#takeovers = new Takeovers((id) => this.#has(id));
    this.#timer = setInterval(() => this.#look(), 100);
  }

  async run(): Promise<ClusterVerdict> {
    const { seed, faults, rate, say } = this.#options;
    const dice = seededDice(seed);
    const stack = this.#stack;
    await stack.addWorker();
    for (const spec of stack.connections) await stack.define(spec);
    if (!(await stack.settled(1))) throw new Error('The connections do not open, without any fault');
    say(`one worker serves ${stack.connections.length} connections`);
    const seconds = 45 + faults * 20;
    const steady = this.#sources.filter(({ spec }) => spec !== RENEWED);
    const publishing = steady.map(({ publisher }) => publisher.publish(rate * seconds, rate, DRAIN_MS));
    await pause(3_000);
    await Promise.all([stack.addWorker(), stack.addWorker()]);
    await stack.settled(3, SETTLE_MS);
    say('three workers');
    const struck = faultsOf(dice, faults);
    const devices = new Map(steady.map((source) => [source.spec.id, source.devices]));
    for (const [index, name] of struck.entries()) {
      say(`fault ${index + 1}: ${name}`);
      await FAULTS[name]({ stack, dice, takeovers: this.#takeovers, say, steady: devices });
    }
    // A short run may not have come to it.
    if (!stack.isLetIn(MENDED.id)) await stack.define(MENDED, { password: MENDED.rightPassword as string });
    const renewed = this.#sources.find(({ spec }) => spec === RENEWED);
    if (renewed !== undefined) publishing.push(renewed.publisher.publish(rate * 10, rate, DRAIN_MS));
    const leaving = stack.workers.filter(({ runs }) => runs).at(-1);
    say(`scale down to two: ${leaving?.name} is told to stop`);
    await leaving?.stop();
    await stack.settled(2, SETTLE_MS);
    await Promise.all(publishing);
    await this.#drain();
    return this.#conclude(struck);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    for (const { publisher } of this.#sources) await publisher.stop();
  }

  #look(): void {
    this.#arrivals.look();
    this.#takeovers.look();
    for (const { liveTokens } of this.#stack.here.accounts()) this.#tokens = Math.max(this.#tokens, liveTokens);
  }

  /** Of a connection: what was acknowledged since, and whether any of it has arrived. */
  #has(id: string): { readonly acknowledged: readonly Acknowledged[]; readonly accepted: ReadonlyMap<string, number> } {
    const { spec, publisher } = this.#sources.find((each) => each.spec.id === id) as Source;
    return { acknowledged: publisher.acknowledged, accepted: this.#arrivals.project(spec.appId).accepted };
  }

  async #drain(): Promise<void> {
    let movedAt = performance.now();
    let count = 0;
    const end = movedAt + DRAIN_MS;
    while (performance.now() < Math.min(end, movedAt + STILL_MS)) {
      const now = this.#sources.reduce((sum, { spec }) => sum + this.#arrivals.project(spec.appId).accepted.size, 0);
      if (now !== count) movedAt = performance.now();
      count = now;
      if (this.#sources.every((source) => this.#judge(source, EMPTY).missing.length === 0)) return;
      await pause(300);
    }
  }

  #judge({ spec, publisher }: Source, ledger: Ledger) {
    return judge(publisher.acknowledged, this.#arrivals.project(spec.appId), [], sums(ledger));
  }

  async #conclude(faults: readonly FaultName[]): Promise<ClusterVerdict> {
    const { say, seed } = this.#options;
    const ledgers = new LedgerTable(this.#stack.kafka?.brokers ?? '', this.#prefix);
    let judged = this.#sources.map((source) => this.#judge(source, EMPTY));
    try {
      // What is on the topic is a second old.
      await until(20_000, () => {
        judged = this.#sources.map((source) => this.#judge(source, ledgers.sum(source.spec.id)));
        return judged.every(({ imbalances }) => imbalances.length === 0);
      });
    } finally {
      await ledgers.stop();
    }
    for (const [index, { missing, imbalances }] of judged.entries()) {
      const id = this.#sources[index]?.spec.id;
      for (const key of missing.slice(0, 5)) say(`  MISSING ${id}: ${key}`);
      for (const imbalance of imbalances) say(`  UNBALANCED ${id}: ${imbalance}`);
    }
    const sum = (of: (each: (typeof judged)[number]) => number): number =>
      judged.reduce((all, each) => all + of(each), 0);
    const { faults: logInFaults, ...logIns } = judgeLogIns(this.#stack.here.accounts(), this.#stack.wrongPasswords);
    for (const fault of logInFaults) say(`  LOG-INS ${fault}`);
    const missing = sum((each) => each.missing.length);
    const unbalanced = judged.filter(({ imbalances }) => imbalances.length > 0).length;
    const takeoverMs = this.#takeovers.summary();
    const isQuick = takeoverMs.max === null || takeoverMs.max <= TAKEOVER_MS;
    return {
      seed,
      faults,
      acknowledged: sum((each) => each.acknowledged),
      missing,
      brokerLost: sum((each) => each.brokerLost),
      duplicates: sum((each) => each.duplicates),
      unbalanced,
      takeoverMs,
      tokensPerAccountMax: this.#tokens,
      ...logIns,
      ok:
        missing === 0 &&
        unbalanced === 0 &&
        this.#tokens <= 3 &&
        logInFaults.length === 0 &&
        isQuick &&
        !this.#takeovers.hasFailed,
    };
  }
}

/** The directories' ledgers, read from their topic. */
class LedgerTable {
  readonly #byKey = new Map<string, Ledger>();
  readonly #reader: { start(): void; stop(): Promise<void> };

  constructor(brokers: string, prefix: string) {
    this.#reader = createKafkaBroker(kafkaBrokerOptions(brokers, { ownPrefix: prefix })).openTable(
      { prefix: `${prefix}/ledger`, settleMs: 300 },
      {
        onRecord: (key, value) => {
          if (value === null) this.#byKey.delete(key);
          else this.#byKey.set(key, JSON.parse(value.toString('utf8')) as Ledger);
        },
        onSnapshot: () => {},
        onStatus: () => {},
      },
    );
    this.#reader.start();
  }

  sum(id: string): Ledger {
    return addLedgers([...this.#byKey].filter(([key]) => key.startsWith(`${id}@`)).map(([, ledger]) => ledger));
  }

  stop(): Promise<void> {
    return this.#reader.stop();
  }
}

const EMPTY = addLedgers([]);

function sums(ledger: Ledger) {
  const { received, delivered, pending, expired, filtered, skipped, deadLettered } = ledger;
  const reasons = [expired, filtered, skipped, deadLettered].map(sumReasons);
  const [expiredSum = 0, filteredSum = 0, skippedSum = 0, deadLetteredSum = 0] = reasons;
  return {
    ...{ received, delivered, pending },
    ...{ expired: expiredSum, filtered: filteredSum, skipped: skippedSum, deadLettered: deadLetteredSum },
  };
}

export function folderOf(root: string, seed: number): string {
  return path.join(root, `seed-${seed}`);
}
