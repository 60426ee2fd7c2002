// The bridge as a process under a supervisor that starts it again when it ends, as systemd or Docker would.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { ConnectionView } from '../domain/ports/control.ts';
import { Child, type Ending } from './child.ts';
import { LAUNCHER, SHIFT_CLOCK } from './programs.ts';
import { pause, until } from './wait.ts';

type Env = Readonly<Record<string, string | undefined>>;

const RESTART_AFTER_MS = 500;
const CALL_MS = 12_000;
/** What it promises to need at most, and a little for the machine. */
const STOP_MS = 12_000;

export interface BridgeProcessOptions {
  readonly dir: string;
  readonly dataDir: string;
  /** Arguments of `here-bridge start`. */
  readonly args: readonly string[];
  readonly env: Env;
}

export class BridgeProcess {
  /** Endings that nobody had asked for. */
  readonly surprises: Ending[] = [];
  readonly #options: BridgeProcessOptions;
  readonly #clockFile: string;
  #child: Child | null = null;
  #wanted = false;

  constructor(options: BridgeProcessOptions) {
    this.#options = options;
    this.#clockFile = path.join(options.dir, 'clock-shift');
  }

  start(): void {
    this.#wanted = true;
    const { dir, dataDir, args, env } = this.#options;
    const clock = `${SHIFT_CLOCK}?file=${encodeURIComponent(this.#clockFile)}`;
    const child = new Child(
      process.execPath,
      ['--import', `file://${clock}`, LAUNCHER, 'start', '--data-dir', dataDir, ...args],
      { env, logFile: path.join(dir, 'bridge.log') },
    );
    this.#child = child;
    void child.ended.then(async (ending) => {
      if (child !== this.#child || !this.#wanted) return;
      this.surprises.push(ending);
      await pause(RESTART_AFTER_MS);
      if (child === this.#child && this.#wanted) this.start();
    });
  }

  /** Stays dead until `start`. */
  async kill(): Promise<void> {
    this.#wanted = false;
    await this.#child?.kill();
    // It names a port and a token of the dead one.
    rmSync(path.join(this.#options.dataDir, 'admin.json'), { force: true });
  }

  /** SIGTERM; null when it was not running. */
  async stop(): Promise<Ending | null> {
    this.#wanted = false;
    const child = this.#child;
    if (child === null || !child.alive) return null;
    return child.stop(STOP_MS);
  }

  freeze(): void {
    this.#child?.signal('SIGSTOP');
  }

  thaw(): void {
    this.#child?.signal('SIGCONT');
  }

  /** The bridge's wall clock from now on, against the machine's. */
  shiftClock(ms: number): void {
    writeFileSync(this.#clockFile, String(ms));
  }

  connections(): Promise<readonly ConnectionView[]> {
    return this.call('GET', '/connections?perPage=100') as Promise<readonly ConnectionView[]>;
  }

  /** Its admin interface, as the command line would use it. Rejects while it does not run. */
  async call(method: string, route: string, body?: unknown): Promise<unknown> {
    const text = await this.#ask(method, route, body);
    return text === '' ? null : JSON.parse(text);
  }

  /** Sends all dead letters of a connection on their way again; resolves when they are, or the replay was broken off. */
  async replay(connectionId: string, perSecond: number): Promise<void> {
    await this.#ask('POST', `/connections/${connectionId}/dead-letters/replay`, { filter: {}, perSecond });
  }

  async #ask(method: string, route: string, body: unknown): Promise<string> {
    const { url, token } = JSON.parse(readFileSync(path.join(this.#options.dataDir, 'admin.json'), 'utf8')) as {
      url: string;
      token: string;
    };
    const answer = await fetch(`${url}${route}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      signal: AbortSignal.timeout(CALL_MS),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${route}: ${answer.status} ${text}`);
    return text;
  }

  async whenReady(timeoutMs: number): Promise<boolean> {
    return until(timeoutMs, async () => ((await this.call('GET', '/status')) as { ready: boolean }).ready);
  }
}
