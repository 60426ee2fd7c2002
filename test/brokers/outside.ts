// The outside world of a broker in tests: plain mqtt.js clients, a listener that writes down what it hears, and waiting.
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt';
import { NotKept } from '../../src/domain/errors.ts';
import type { BrokerMessage, SourceListener, SourceStatus, TableListener } from '../../src/domain/ports/broker.ts';

export async function until(what: string, condition: () => boolean, timeoutMs = 10_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`Not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** A plain client; ended by `end(true)` in the test's clean-up. */
export async function outside(
  url: string,
  options: IClientOptions = {},
  onMessage: (text: string, topic: string) => void = () => {},
): Promise<MqttClient> {
  const client = mqtt.connect(url, { reconnectPeriod: 0, ...options });
  // A session's messages may come right behind CONNACK.
  client.on('message', (topic, payload) => onMessage(payload.toString(), topic));
  await new Promise<void>((resolve, reject) => {
    client.once('connect', () => resolve());
    client.once('error', reject);
  });
  return client;
}

export class RecordingListener implements SourceListener {
  readonly messages: BrokerMessage[] = [];
  readonly statuses: SourceStatus[] = [];
  /** Batches that are not settled, oldest first. Filled while `holding`. */
  readonly held: ((error: Error | null) => void)[] = [];
  batches = 0;
  holding = false;

  onMessages(messages: readonly BrokerMessage[], done: (error: Error | null) => void): void {
    this.batches += 1;
    this.messages.push(...messages);
    if (this.holding) this.held.push(done);
    else done(null);
  }

  onStatus(status: SourceStatus): void {
    this.statuses.push(status);
  }

  get texts(): string[] {
    return this.messages.map((message) => message.payload.toString());
  }

  get last(): SourceStatus['kind'] | undefined {
    return this.statuses.at(-1)?.kind;
  }

  settle(error: Error | null = null): void {
    for (const done of this.held.splice(0)) done(error);
  }

  up(): Promise<void> {
    return until('the source is up', () => this.last === 'up');
  }
}

export class RecordingTable implements TableListener {
  /** `key=value`, `key=null` for a deletion. */
  readonly records: string[] = [];
  readonly snapshots: string[][] = [];
  readonly statuses: { readonly up: boolean; readonly reason?: string; readonly fatal?: boolean }[] = [];

  /** How many deletions it cannot keep. */
  refusals = 0;

  onRecord(key: string, value: Buffer | null): void {
    if (value === null && this.refusals > 0) {
      this.refusals -= 1;
      throw new NotKept('ENOSPC');
    }
    this.records.push(`${key}=${value === null ? 'null' : value.toString()}`);
  }

  onSnapshot(keys: ReadonlySet<string>): void {
    this.snapshots.push([...keys].sort());
  }

  onStatus(status: { readonly up: boolean; readonly reason?: string; readonly fatal?: boolean }): void {
    this.statuses.push(status);
  }
}
