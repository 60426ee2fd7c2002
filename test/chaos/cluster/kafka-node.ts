// A Kafka of the run's own, of one node: killed, frozen and started again on the same port and store.
import path from 'node:path';
import { createKafkaClient } from '../../../src/brokers/kafka-client.ts';
import { pause } from '../../../src/chaos/wait.ts';
import { freePort } from '../../support/free-port.ts';
import { formatKafka, type KafkaProcess, kafkaProperties, runKafka } from '../../support/kafka-jars.ts';
import { kafkaOptions } from '../../support/kafka-options.ts';

const START_MS = 120_000;

export class KafkaNode {
  readonly port: number;
  readonly #folder: string;
  #process: KafkaProcess | null = null;

  static async start(dir: string): Promise<KafkaNode> {
    const node = new KafkaNode(await freePort(), path.join(dir, 'kafka'));
    formatKafka(node.#folder, kafkaProperties(node.port, await freePort()));
    await node.resume();
    return node;
  }

  private constructor(port: number, folder: string) {
    this.port = port;
    this.#folder = folder;
    process.once('exit', () => this.#process?.kill());
  }

  get brokers(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Resolves when it answers. */
  async resume(): Promise<void> {
    this.#process = runKafka(this.#folder);
    const admin = createKafkaClient(kafkaOptions(this.brokers, { retries: 5 })).admin();
    for (const end = Date.now() + START_MS; ; await pause(200)) {
      try {
        await admin.connect();
        await admin.fetchOffsets({ groupId: 'warm-up' });
        break;
      } catch (error) {
        if (Date.now() > end) throw error;
      }
    }
    await admin.disconnect();
  }

  async makeTopics(names: readonly string[]): Promise<void> {
    const admin = createKafkaClient(kafkaOptions(this.brokers, { retries: 5 })).admin();
    await admin.connect();
    await admin.createTopics({ topics: names.map((topic) => ({ topic, numPartitions: 3 })), waitForLeaders: false });
    await admin.disconnect();
  }

  async kill(): Promise<void> {
    this.#process?.kill('SIGKILL');
    await this.#process?.exited;
  }

  freeze(): void {
    this.#process?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#process?.kill('SIGCONT');
  }
}
