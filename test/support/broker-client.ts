// A client of the bridge's broker: publishes what devices and operators publish, and keeps what the bridge says.
import mqtt, { type MqttClient } from 'mqtt';
import { onTestFinished } from 'vitest';

export interface Heard {
  readonly topic: string;
  readonly text: string;
  readonly retain: boolean;
}

export class BrokerClient {
  readonly #client: MqttClient;
  readonly #latest = new Map<string, string>();
  /** Everything that came on the topics of `follow`, in order. */
  readonly heard: Heard[] = [];

  private constructor(client: MqttClient) {
    this.#client = client;
    client.on('error', () => {});
    client.on('message', (topic, payload, { retain }) => {
      const text = payload.toString();
      this.heard.push({ topic, text, retain });
      if (text === '') this.#latest.delete(topic);
      else this.#latest.set(topic, text);
    });
  }

  /** Ends when the present test has finished. It connects again by itself. */
  static async connect(url: string, options: { username?: string; password?: string } = {}): Promise<BrokerClient> {
    const client = await mqtt.connectAsync(url, { ...options, reconnectPeriod: 100, protocolVersion: 4 });
    onTestFinished(() => client.endAsync(true));
    return new BrokerClient(client);
  }

  async follow(filter: string): Promise<void> {
    await this.#client.subscribeAsync(filter, { qos: 1 });
  }

  /** Of the topics of `follow`; an empty message takes a topic's value away. */
  latest(topic: string): string | undefined {
    return this.#latest.get(topic);
  }

  get topics(): readonly string[] {
    return [...this.#latest.keys()].sort();
  }

  /** Resolves at PUBACK. */
  async publish(
    topic: string,
    payload: string | Buffer,
    options: { retain?: boolean; qos?: 0 | 1 } = {},
  ): Promise<void> {
    await this.#client.publishAsync(topic, payload, { qos: 1, ...options });
  }
}

/** What the broker retains under a filter now: topic → text. */
export async function retainedUnder(url: string, filter: string, options = {}): Promise<Map<string, string>> {
  const client = await mqtt.connectAsync(url, { ...options, protocolVersion: 4 });
  const found = new Map<string, string>();
  client.on('message', (topic, payload, { retain }) => {
    if (retain) found.set(topic, payload.toString());
  });
  await client.subscribeAsync(filter, { qos: 1 });
  // What is retained comes before what is published after the subscription.
  const marker = `test/marker/${Math.random().toString(36).slice(2)}`;
  const heard = new Promise<void>((resolve) => {
    client.on('message', (topic) => {
      if (topic === marker) resolve();
    });
  });
  await client.subscribeAsync(marker, { qos: 1 });
  await client.publishAsync(marker, 'x', { qos: 1 });
  await heard;
  await client.endAsync(true);
  return found;
}

/** Whether the broker has a session of this client id; it does not survive being looked at when `take` is true. */
export async function hasSession(url: string, clientId: string): Promise<boolean> {
  const client = mqtt.connect(url, { clientId, clean: false, reconnectPeriod: 0, protocolVersion: 4 });
  try {
    return await new Promise<boolean>((resolve, reject) => {
      client.once('connect', ({ sessionPresent }) => resolve(sessionPresent));
      client.once('error', reject);
    });
  } finally {
    await client.endAsync(true);
  }
}
