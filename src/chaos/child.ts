// A process of the stack under test: started with its output in a file, killed, frozen, awaited. None outlives this one.
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';

export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface ChildOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Standard output and error are appended to it. */
  readonly logFile: string;
}

const running = new Set<ChildProcess>();
let isWatching = false;

export class Child {
  readonly startedAt = performance.now();
  /** Never rejects: a program that cannot be run has ended with code 127. */
  readonly ended: Promise<Ending>;
  readonly #process: ChildProcess;
  #ending: Ending | null = null;

  constructor(command: string, args: readonly string[], options: ChildOptions) {
    if (!isWatching) process.once('exit', () => killAll());
    isWatching = true;
    const log = openSync(options.logFile, 'a', 0o600);
    const env = Object.fromEntries(Object.entries(options.env).filter(([, value]) => value !== undefined));
    this.#process = spawn(command, args, { stdio: ['ignore', log, log], env: env as NodeJS.ProcessEnv });
    closeSync(log);
    running.add(this.#process);
    this.ended = new Promise((resolve) => {
      const end = (ending: Ending): void => {
        this.#ending ??= ending;
        running.delete(this.#process);
        resolve(this.#ending);
      };
      this.#process.once('exit', (code, signal) => end({ code, signal }));
      this.#process.once('error', () => end({ code: 127, signal: null }));
    });
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  get alive(): boolean {
    return this.#ending === null;
  }

  get ending(): Ending | null {
    return this.#ending;
  }

  /** kill -9, and waits until the kernel has taken it away. */
  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.ended;
  }

  /** SIGTERM; after `patienceMs` SIGKILL, and then the ending has that signal. */
  async stop(patienceMs: number): Promise<Ending> {
    this.signal('SIGTERM');
    const timer = setTimeout(() => this.signal('SIGKILL'), patienceMs);
    const ending = await this.ended;
    clearTimeout(timer);
    return ending;
  }

  signal(name: NodeJS.Signals): void {
    if (this.alive) this.#process.kill(name);
  }
}

function killAll(): void {
  for (const child of running) child.kill('SIGKILL');
}
