// `here-bridge start` as a child process that can be watched, stopped, killed and started again.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';

/** Not src/main.ts: hundreds of bridges are started in a run, and the launcher keeps what V8 compiles. */
const launcher = path.resolve(import.meta.dirname, '../../bin/here-bridge.js');
const KEPT_CHARACTERS = 200_000;

/** A broken-off run must not leave bridges behind. */
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export class MainProcess {
  readonly #config: string;
  #child: ChildProcess | null = null;
  #output = '';
  #errors = '';
  #ended: Promise<number | null> = Promise.resolve(null);

  /** `config`: path of its configuration file. */
  constructor(config: string) {
    this.#config = config;
  }

  launch(): ChildProcess {
    const child = spawn(process.execPath, [launcher, 'start', '--config', this.#config], {
      env: { PATH: process.env.PATH ?? '' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    running.add(child);
    this.#ended = once(child, 'close').then(([code]) => {
      running.delete(child);
      return code as number | null;
    });
    this.#child = child;
    this.#errors = '';
    const keep = (chunk: Buffer): void => {
      this.#output = (this.#output + chunk).slice(-KEPT_CHARACTERS);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.stderr.on('data', (chunk: Buffer) => {
      this.#errors = (this.#errors + chunk).slice(-KEPT_CHARACTERS);
    });
    return child;
  }

  /** Starts it and waits until it has ended by itself: exit code and standard error. */
  async run(): Promise<{ readonly code: number | null; readonly err: string }> {
    this.launch();
    return { code: await this.#ended, err: this.#errors };
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Exit code once it has ended; null when a signal ended it. */
  get ended(): Promise<number | null> {
    return this.#ended;
  }

  get hasEnded(): boolean {
    return this.#child === null || this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** All that it has written, the latest 200,000 characters. */
  get output(): string {
    return this.#output;
  }

  /** Resident memory now, MiB; 0 where the system does not tell. */
  get rssMiB(): number {
    try {
      const status = fs.readFileSync(`/proc/${this.pid}/status`, 'utf8');
      return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
    } catch {
      return 0;
    }
  }

  signal(name: 'SIGTERM' | 'SIGINT'): void {
    this.#child?.kill(name);
  }

  /** kill -9. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** SIGTERM; the exit code. */
  async stop(): Promise<number | null> {
    return this.#end('SIGTERM');
  }

  async #end(signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null> {
    const child = this.#child;
    if (child === null || this.hasEnded) return child?.exitCode ?? null;
    child.kill(signal);
    return this.#ended;
  }
}
