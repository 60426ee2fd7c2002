// What can be seen of the stack from outside: ledgers and statuses on Kafka, what a worker answers, and the sandbox's own count
// of what arrived.
import { createKafkaBroker } from '../../src/brokers/kafka.ts';
import { ProjectArrivals, uplinkKey } from '../../src/chaos/arrivals.ts';
import type { ConnectionStatus } from '../../src/domain/connection.ts';
import { addLedgers, type Ledger } from '../../src/domain/ledger.ts';
import type { ClusterWorker } from '../../src/domain/ports/cluster.ts';
import { pageToken } from '../../src/sandbox/call.ts';
import { kafkaBrokerOptions } from '../support/kafka-options.ts';

const PREFIX = 'here-bridge';

/** Follows the bridge's compacted topics. */
export class Topics {
  /** By `{connection}@{worker}`. */
  readonly #ledgers: Table<Ledger>;
  readonly #statuses: Table<ConnectionStatus>;

  constructor(brokers: string) {
    this.#ledgers = new Table(brokers, 'ledger');
    this.#statuses = new Table(brokers, 'status');
  }

  /** Of a connection: the sum over the workers that served it, and how many these are. */
  ledger(id: string): { readonly sum: Ledger; readonly workers: number } {
    const own = [...this.#ledgers.records].filter(([key]) => key.startsWith(`${id}@`));
    return { sum: addLedgers(own.map(([, ledger]) => ledger)), workers: own.length };
  }

  /** What each worker has taken of it. */
  received(id: string): ReadonlyMap<string, number> {
    const own = [...this.#ledgers.records].filter(([key]) => key.startsWith(`${id}@`));
    return new Map(own.map(([key, { received }]) => [key, received]));
  }

  status(id: string): ConnectionStatus | undefined {
    return this.#statuses.records.get(id);
  }

  get states(): string {
    return [...this.#statuses.records.values()].map(({ id, state }) => `${id} ${state}`).join(', ') || 'no connection';
  }

  async close(): Promise<void> {
    await Promise.all([this.#ledgers.stop(), this.#statuses.stop()]);
  }
}

class Table<T> {
  readonly records = new Map<string, T>();
  readonly #reader: { start(): void; stop(): Promise<void> };

  constructor(brokers: string, name: string) {
    this.#reader = createKafkaBroker(kafkaBrokerOptions(brokers, { ownPrefix: PREFIX })).openTable(
      { prefix: `${PREFIX}/${name}`, settleMs: 300 },
      {
        onRecord: (key, value) => {
          if (value === null) this.records.delete(key);
          else this.records.set(key, JSON.parse(value.toString('utf8')) as T);
        },
        onSnapshot: () => {},
        onStatus: () => {},
      },
    );
    this.#reader.start();
  }

  stop(): Promise<void> {
    return this.#reader.stop();
  }
}

/** One worker's HTTP API. */
export class Worker {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  async define(id: string, definition: unknown): Promise<void> {
    await call(`${this.#url}/connections/${id}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(definition),
    });
  }

  /** As it sees them all. */
  async workers(): Promise<readonly ClusterWorker[]> {
    return (await call(`${this.#url}/workers`)) as readonly ClusterWorker[];
  }
}

interface Received {
  readonly seq: number;
  readonly appId: string;
  readonly device: string;
  readonly timestamp: number;
  readonly record: unknown;
}

/** The sandbox's admin paths. */
export class SandboxView {
  readonly #url: string;
  readonly #byApp = new Map<string, ProjectArrivals>();
  /** First arrivals that came after a younger record of their device. */
  readonly late: { readonly appId: string; readonly key: string }[] = [];
  /** By device: its youngest record, ms. */
  readonly #youngest = new Map<string, number>();
  #seen = 0;

  constructor(url: string) {
    this.#url = url;
  }

  /** What has arrived at a project as far as `look` has seen, in order of arrival. */
  arrivals(appId: string): ProjectArrivals {
    let found = this.#byApp.get(appId);
    if (found === undefined) {
      found = new ProjectArrivals();
      this.#byApp.set(appId, found);
    }
    return found;
  }

  async look(): Promise<void> {
    for (let more = true; more; ) {
      const query = `limit=10000&pageToken=${pageToken([this.#seen])}`;
      const page = (await call(`${this.#url}/sandbox/received?${query}`)) as { records: Received[] };
      for (const { seq, appId, device, timestamp, record } of page.records) {
        const arrivals = this.arrivals(appId);
        const key = uplinkKey(device.toUpperCase(), timestamp);
        if (!arrivals.accepted.has(key)) {
          const youngest = this.#youngest.get(device) ?? 0;
          if (timestamp < youngest) this.late.push({ appId, key });
          this.#youngest.set(device, Math.max(timestamp, youngest));
        }
        arrivals.add(device.toUpperCase(), timestamp, JSON.stringify(record));
        this.#seen = seq;
      }
      more = page.records.length > 0;
    }
  }

  /** The most of any account. */
  async mostLogIns(): Promise<{ readonly logIns: number; readonly failed: number }> {
    const { accounts } = (await call(`${this.#url}/sandbox/accounts`)) as {
      accounts: { logIns: number; failedLogIns: number }[];
    };
    return {
      logIns: Math.max(...accounts.map(({ logIns }) => logIns)),
      failed: Math.max(...accounts.map(({ failedLogIns }) => failedLogIns)),
    };
  }
}

async function call(url: string, init: RequestInit = {}): Promise<unknown> {
  const answer = await fetch(url, { ...init, signal: AbortSignal.timeout(10_000) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${init.method ?? 'GET'} ${url}: ${answer.status} ${text.slice(0, 500)}`);
  return text === '' ? null : JSON.parse(text);
}
