// One worker of the cluster under test, as a process: started, killed, stopped, frozen; asked by its HTTP port.
import path from 'node:path';
import { Child, type Ending } from '../../../src/chaos/child.ts';
import { freePort, until } from '../../../src/chaos/wait.ts';
import type { BridgeEvent, EventKind } from '../../../src/domain/events.ts';
import type { ClusterWorker } from '../../../src/domain/ports/cluster.ts';

const MAIN = path.resolve(import.meta.dirname, '../../../src/main.ts');
const CALL_MS = 12_000;
const STOP_MS = 12_000;
const START_MS = 180_000;

export interface WorkerOptions {
  readonly dir: string;
  readonly dataDir: string;
  readonly name: string;
  /** Arguments of `here-bridge start`. */
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

export class WorkerProcess {
  readonly name: string;
  readonly #options: WorkerOptions;
  readonly #port: number;
  #child: Child | null = null;

  static async make(options: WorkerOptions): Promise<WorkerProcess> {
    return new WorkerProcess(options, await freePort());
  }

  private constructor(options: WorkerOptions, port: number) {
    this.name = options.name;
    this.#options = options;
    this.#port = port;
  }

  get runs(): boolean {
    return this.#child?.alive === true;
  }

  /** How it ended by itself; null: it runs, or was told to end. */
  get surprise(): Ending | null {
    return this.#child?.ending ?? null;
  }

  start(): void {
    const { dir, dataDir, name, args, env } = this.#options;
    const common = ['--data-dir', dataDir, '--http-port', String(this.#port), '--log-level', 'info'];
    this.#child = new Child(process.execPath, [MAIN, 'start', ...common, ...args], {
      env,
      logFile: path.join(dir, `${name}.log`),
    });
  }

  /** Resolves when it answers; rejects when it has ended or does not. */
  async ready(): Promise<void> {
    const isThere = await until(START_MS, async () => {
      return !this.runs || ((await this.call('GET', '/status')) as { ready: boolean }).ready;
    });
    if (!isThere || !this.runs)
      throw new Error(`${this.name} did not start: see ${this.#options.dir}/${this.name}.log`);
  }

  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    await child?.kill();
  }

  async stop(): Promise<Ending | null> {
    const child = this.#child;
    this.#child = null;
    return child === null || !child.alive ? null : child.stop(STOP_MS);
  }

  freeze(): void {
    this.#child?.signal('SIGSTOP');
  }

  thaw(): void {
    this.#child?.signal('SIGCONT');
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Of the public port. */
  async ask(method: string, route: string, body?: unknown): Promise<Response> {
    return fetch(`http://127.0.0.1:${this.#port}${route}`, {
      method,
      signal: AbortSignal.timeout(CALL_MS),
      ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
  }

  async call(method: string, route: string, body?: unknown): Promise<unknown> {
    const answer = await this.ask(method, route, body);
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${route}: ${answer.status} ${text}`);
    return text === '' ? null : JSON.parse(text);
  }

  /** The events that this worker has told, the oldest first. */
  async news(): Promise<readonly BridgeEvent[]> {
    const events = (await this.call('GET', '/events?limit=1000')) as readonly BridgeEvent[];
    return [...events].sort((a, b) => a.time.localeCompare(b.time));
  }

  /** Their kinds. */
  async told(): Promise<readonly EventKind[]> {
    return (await this.news()).map(({ kind }) => kind);
  }

  /** As this worker sees them all. */
  workers(): Promise<readonly ClusterWorker[]> {
    return this.call('GET', '/workers') as Promise<readonly ClusterWorker[]>;
  }
}
