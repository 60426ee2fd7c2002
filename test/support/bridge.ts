// A real bridge for tests of the whole line: in this process, or as a child that can be killed and started again on its data.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { directoriesUnder } from '../../src/bridge/directories.ts';
import { type Bridge, startBridge } from '../../src/bridge.ts';
import { type AdminAnswer, AdminClient } from '../../src/cli/admin-client.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { CommandLedger } from '../../src/domain/command.ts';
import type { ConnectionStatus } from '../../src/domain/connection.ts';
import type { BridgeEvent } from '../../src/domain/events.ts';
import { imbalance, type Ledger, sumReasons } from '../../src/domain/ledger.ts';
import type { Clock } from '../../src/domain/ports/clock.ts';
import type { ApplyOutcome, ConnectionActivity } from '../../src/domain/ports/control.ts';
import { systemChance, systemClock } from '../../src/ops/clock.ts';
import { createLogger } from '../../src/ops/logger.ts';
import { freePort } from './free-port.ts';
import { kafkaBrokers } from './kafka.ts';
import { MainProcess } from './main-process.ts';
import { Mosquitto } from './mosquitto.ts';

export type Settings = Readonly<Record<string, unknown>>;

/** A connection as `GET /connections/:id` and `Control.connection` show it, as far as tests look. */
export interface Shown {
  readonly state: string;
  readonly reason: string | null;
  readonly status: ConnectionStatus;
  readonly ledger: Ledger | null;
  readonly activity: ConnectionActivity | null;
}

/** What tests ask of a bridge, wherever it runs. */
export interface Worker {
  connection(id: string): Promise<Shown | null>;
  apply(id: string, record: unknown): Promise<void>;
  events(connectionId?: string): Promise<readonly BridgeEvent[]>;
}

/** A folder that goes with the test. */
export function temporaryFolder(): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'bridge-line-'));
  onTestFinished(() => fs.rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** What a test measured: shown with LINE_FIGURES=1. */
export function figures(what: string, values: Readonly<Record<string, unknown>>): void {
  if (process.env.LINE_FIGURES === '1') console.log(`${what}: ${JSON.stringify(values)}`);
}

/** Waits for something that other processes or sockets bring about. */
export async function until<T>(
  what: string,
  look: () => T | null | undefined | false | Promise<T | null | undefined | false>,
  timeoutMs = 20_000,
): Promise<T> {
  for (const end = performance.now() + timeoutMs; ; ) {
    const found = await look();
    if (found !== null && found !== undefined && found !== false) return found;
    if (performance.now() > end) throw new Error(`did not happen within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export function definition(configuration: Settings, rest: Settings = {}): Settings {
  return { connectorId: 'actility-here-iot', name: 'Test', ...rest, configuration };
}

/** A broker for a test: the bridge's own on a port that stays the same over restarts, or a real Mosquitto. */
export interface TestBroker {
  readonly kind: 'embedded' | 'mosquitto' | 'kafka';
  readonly url: string;
  /** The bridge's setting. */
  readonly setting: Settings;
}

export async function useBroker(kind: TestBroker['kind']): Promise<TestBroker> {
  if (kind === 'embedded') {
    const port = await freePort();
    return { kind, url: `mqtt://127.0.0.1:${port}`, setting: { kind: 'embedded', port } };
  }
  if (kind === 'kafka') {
    const brokers = await kafkaBrokers();
    const setting = { kind: 'kafka', bootstrap: brokers.split(','), metadataRefreshMs: 300 };
    return { kind, url: `kafka://${brokers}`, setting };
  }
  const server = await Mosquitto.start();
  onTestFinished(() => server.remove());
  return { kind, url: server.url, setting: { kind: 'mqtt', url: server.url } };
}

export interface BridgeSetup {
  readonly dataDir: string;
  readonly broker: TestBroker;
  /** By service name; the first is the default. */
  readonly services: Readonly<Record<string, Settings>>;
  readonly settings?: Settings;
}

function configOf({ dataDir, broker, services, settings }: BridgeSetup): Settings {
  return {
    dataDir,
    brokers: { main: broker.setting },
    here: { defaultService: Object.keys(services)[0], services },
    http: { port: 0 },
    log: { level: 'info', pretty: 'never' },
    ...settings,
  };
}

/** Beside the data directory, so that a full disk of the one does not touch the other. */
function writeConfig(setup: BridgeSetup): string {
  const file = path.join(temporaryFolder(), 'config.json');
  fs.writeFileSync(file, JSON.stringify(configOf(setup)));
  return file;
}

export class LocalBridge implements Worker {
  readonly bridge: Bridge;
  /** Each line of the log. */
  readonly log: string[];
  #hasTaken = false;

  private constructor(bridge: Bridge, log: string[]) {
    this.bridge = bridge;
    this.log = log;
  }

  /** Stops with the test at the latest. */
  static async start(setup: BridgeSetup, parts: { readonly clock?: Clock } = {}): Promise<LocalBridge> {
    const { config } = loadConfig({ files: [writeConfig(setup)], env: {}, cwd: setup.dataDir });
    const log: string[] = [];
    const output = { write: (line: string) => log.push(line) };
    const logger = await createLogger({ ...config.log, output, colour: false });
    const bridge = await startBridge(config, { logger, clock: parts.clock ?? systemClock, chance: systemChance });
    onTestFinished(() => bridge.stop());
    return new LocalBridge(bridge, log);
  }

  async connection(id: string): Promise<Shown | null> {
    return this.bridge.control.connection(id);
  }

  async apply(id: string, record: unknown): Promise<void> {
    const attempt = (): Promise<ApplyOutcome> => this.bridge.control.apply(id, record);
    // A bridge that has just started may not have read the config topic yet, and says that it is to be tried again.
    const outcome = this.#hasTaken
      ? await attempt()
      : await until('the config topic is read', async () => {
          const answer = await attempt();
          return answer.kind === 'unavailable' && answer.message.includes('cannot be reached') ? null : answer;
        });
    this.#hasTaken = true;
    if (outcome.kind !== 'ok') throw new Error(`not taken: ${JSON.stringify(outcome)}`);
  }

  async events(connectionId?: string): Promise<readonly BridgeEvent[]> {
    return this.bridge.control.events(connectionId === undefined ? { limit: 1000 } : { connectionId, limit: 1000 });
  }

  stop(): Promise<void> {
    return this.bridge.stop();
  }
}

/** A busy machine may take a while to start a process; one that ends is told at once. */
const START_TIMEOUT_MS = 60_000;

/** `node src/main.ts start`, as often as wanted on one data directory. */
export class BridgeChild extends MainProcess implements Worker {
  readonly #dataDir: string;
  #admin: AdminClient | null = null;

  constructor(setup: BridgeSetup) {
    super(writeConfig(setup));
    this.#dataDir = setup.dataDir;
    onTestFinished(() => this.kill());
  }

  /** Resolves when its admin interface answers and the config topic is read. */
  async start(): Promise<void> {
    this.#admin = null;
    const child = this.launch();
    await until(
      'the bridge is ready',
      async () => {
        if (child.exitCode !== null) throw new Error(`the bridge ended with ${child.exitCode}: ${this.output}`);
        // A killed one leaves its file behind; one that shares the connections has a directory of its own below.
        const folders = directoriesUnder(this.#dataDir);
        const own = folders.find((folder) => readPid(path.join(folder, 'admin.json')) === child.pid);
        if (own === undefined) return false;
        this.#admin = await AdminClient.find(own);
        const { body } = await this.#admin.request('GET', '/status');
        return (body as { ready: boolean }).ready;
      },
      START_TIMEOUT_MS,
    ).catch((error: Error) => {
      throw new Error(`${error.message}; it has said: ${this.output.slice(-2_000)}`);
    });
  }

  async connection(id: string): Promise<Shown | null> {
    const { status, body } = await this.request('GET', `/connections/${id}`);
    return status === 200 ? (body as Shown) : null;
  }

  async apply(id: string, record: unknown): Promise<void> {
    const { status, body } = await this.request('PUT', `/connections/${id}`, record);
    if (status !== 200 && status !== 201) throw new Error(`not taken: ${status} ${JSON.stringify(body)}`);
  }

  async events(connectionId?: string): Promise<readonly BridgeEvent[]> {
    const query = connectionId === undefined ? '' : `&connectionId=${connectionId}`;
    return (await this.request('GET', `/events?limit=1000${query}`)).body as readonly BridgeEvent[];
  }

  async commandLedger(id: string): Promise<CommandLedger & { readonly imbalance: number }> {
    const { body } = await this.request('GET', `/connections/${id}/command-ledger`);
    const { ledger, ...rest } = body as { readonly ledger: CommandLedger; readonly imbalance: number };
    return { ...ledger, ...rest };
  }

  /** Asks the admin interface; rejects where it is gone. */
  request(method: 'GET' | 'PUT' | 'DELETE', route: string, body?: unknown): Promise<AdminAnswer> {
    if (this.hasEnded) throw new Error(`the bridge does not run: ${this.output.slice(-2000)}`);
    if (this.#admin === null) throw new Error('the bridge has not started');
    return this.#admin.request(method, route, body);
  }
}

function readPid(file: string): number | null {
  try {
    return (JSON.parse(fs.readFileSync(file, 'utf8')) as { pid: number }).pid;
  } catch {
    return null;
  }
}

/** Resolves with the connection once it is in this state; says where it is where it does not come there. */
export async function untilState(worker: Worker, id: string, state: string, timeoutMs = 20_000): Promise<Shown> {
  let last: Shown | null = null;
  const look = async (): Promise<Shown | null> => {
    last = await worker.connection(id);
    return last?.state === state ? last : null;
  };
  try {
    return await until(`${id} is ${state}`, look, timeoutMs);
  } catch (error) {
    throw new Error(`${(error as Error).message}; it is ${JSON.stringify(last)}`, { cause: error });
  }
}

/** Resolves with the ledger once nothing is pending and so many messages have a place in it. It must balance all the while. */
export async function settledLedger(
  worker: Worker,
  id: string,
  atLeast: number,
  timeoutMs = 20_000,
): Promise<{ readonly ledger: Ledger; readonly sums: Readonly<Record<string, number>> }> {
  let last: Ledger | null = null;
  const ledger = await until(
    `the ledger of ${id} settles with ${atLeast} messages`,
    async () => {
      last = (await worker.connection(id))?.ledger ?? null;
      if (last !== null && imbalance(last) !== 0) throw new Error(`out of balance: ${JSON.stringify(last)}`);
      return last !== null && last.pending === 0 && last.received >= atLeast ? last : null;
    },
    timeoutMs,
  ).catch((error: Error) => {
    throw new Error(`${error.message}; the last one was ${JSON.stringify(last)}`);
  });
  const { expired, filtered, skipped, deadLettered } = ledger;
  const sums = {
    expired: sumReasons(expired),
    filtered: sumReasons(filtered),
    skipped: sumReasons(skipped),
    deadLettered: sumReasons(deadLettered),
  };
  return { ledger, sums };
}
