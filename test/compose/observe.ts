// What can be seen of the stack from outside: ledgers and statuses on the broker, and the sandbox's own count of what arrived.
import mqtt, { type MqttClient } from 'mqtt';
import type { ConnectionStatus } from '../../src/domain/connection.ts';
import { addLedgers, imbalance, type Ledger } from '../../src/domain/ledger.ts';

/** Follows the bridge's retained topics. */
export class Topics {
  readonly ledgers = new Map<string, Ledger>();
  readonly statuses = new Map<string, ConnectionStatus>();
  readonly #client: MqttClient;

  constructor(url: string) {
    this.#client = mqtt.connect(url, { reconnectPeriod: 500 });
    this.#client.on('connect', () => this.#client.subscribe(['here-bridge/ledger/+', 'here-bridge/status/+']));
    this.#client.on('error', () => {});
    this.#client.on('message', (topic, payload) => {
      const [, kind, id = ''] = topic.split('/');
      const into = (kind === 'ledger' ? this.ledgers : this.statuses) as Map<string, unknown>;
      if (payload.length === 0) into.delete(id);
      else into.set(id, JSON.parse(payload.toString()));
    });
  }

  get sum(): Ledger {
    return addLedgers(this.ledgers.values());
  }

  get balanced(): boolean {
    return this.ledgers.size > 0 && [...this.ledgers.values()].every((ledger) => imbalance(ledger) === 0);
  }

  get states(): string {
    return [...this.statuses.values()].map(({ id, state }) => `${id} ${state}`).join(', ') || 'no connection';
  }

  async close(): Promise<void> {
    await this.#client.endAsync(true);
  }
}

export interface Arrived {
  readonly device: string;
  readonly timestamp: number;
}

/** The sandbox's admin paths. */
export class SandboxView {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  /** All records that it took, in order of arrival, duplicates included. */
  async arrived(): Promise<Arrived[]> {
    const all: Arrived[] = [];
    let token = '';
    do {
      const query = `limit=10000${token === '' ? '' : `&pageToken=${encodeURIComponent(token)}`}`;
      const page = (await this.#get(`/sandbox/received?${query}`)) as { records: Arrived[]; nextPageToken?: string };
      for (const { device, timestamp } of page.records) all.push({ device, timestamp });
      token = page.nextPageToken ?? '';
    } while (token !== '');
    return all;
  }

  async acceptedRecords(): Promise<number> {
    return ((await this.#get('/sandbox/stats')) as { acceptedRecords: number }).acceptedRecords;
  }

  async logIns(email: string): Promise<number> {
    const { accounts } = (await this.#get('/sandbox/accounts')) as { accounts: { email: string; logIns: number }[] };
    return accounts.find((account) => account.email === email)?.logIns ?? 0;
  }

  async #get(path: string): Promise<unknown> {
    const answer = await fetch(`${this.#url}${path}`, { signal: AbortSignal.timeout(10_000) });
    if (!answer.ok) throw new Error(`GET ${path}: ${answer.status}`);
    return answer.json();
  }
}
