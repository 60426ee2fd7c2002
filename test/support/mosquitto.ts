// A real Mosquitto on a free port with its own folder: started, stopped, killed and started again on the same store.
import { type ChildProcess, spawn } from 'node:child_process';
import { pbkdf2Sync, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import path from 'node:path';
import { freePort } from './free-port.ts';
import { find } from './requirements.ts';

export interface MosquittoOptions {
  /** Lines of `mosquitto.conf` that go before the listener's, for example `max_inflight_messages 20`. */
  readonly settings?: readonly string[];
  /** Lines of the listener: `protocol websockets`, `cafile …`; `allow_anonymous true` unless they speak of it. */
  readonly listener?: readonly string[];
  /** Files put into the folder before the start; `{dir}` in settings and listener stands for the folder. */
  readonly files?: Readonly<Record<string, string | Buffer>>;
}

/**
 * Fit for a bridge: nothing dropped from queues, no small window, and a store that is saved every second.
 * Mosquitto's own defaults drop (1,000 queued) and save every 30 minutes. `autosave_on_changes true` would save the whole
 * store at each acknowledgement: seconds for a queue of thousands.
 */
const SETTINGS = [
  // Started by root it would become another user, who cannot read the test's folder.
  `user ${userInfo().username}`,
  'max_queued_messages 0',
  'max_inflight_messages 0',
  'persistence true',
  'persistence_location {dir}/',
  'autosave_interval 1',
  'log_dest file {dir}/mosquitto.log',
  'log_type error',
  'log_type warning',
  'set_tcp_nodelay true',
];

const START_TIMEOUT_MS = 10_000;

/** A test run that is broken off must not leave servers behind. */
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export class Mosquitto {
  readonly dir: string;
  readonly port: number;
  readonly #program: string;
  #process: ChildProcess | null = null;

  private constructor(program: string, dir: string, port: number) {
    this.#program = program;
    this.dir = dir;
    this.port = port;
  }

  static async start(options: MosquittoOptions = {}): Promise<Mosquitto> {
    const program = find('mosquitto').found;
    if (program === null) throw new Error('Mosquitto is not installed');
    const dir = await mkdtemp(path.join(tmpdir(), 'bridge-mosquitto-'));
    const server = new Mosquitto(program, dir, await freePort());
    for (const [name, content] of Object.entries(options.files ?? {})) await writeFile(path.join(dir, name), content);
    const listener = options.listener ?? [];
    const anonymous = listener.some((line) => line.startsWith('allow_anonymous')) ? [] : ['allow_anonymous true'];
    // A later line wins, so that settings of a test replace these.
    const names = new Set((options.settings ?? []).map((line) => line.split(' ', 1)[0]));
    const kept = SETTINGS.filter((line) => !names.has(line.split(' ', 1)[0]) || line.startsWith('log_type'));
    const lines = [
      ...kept,
      ...(options.settings ?? []),
      // Mosquitto 2.0.11 does not start with WebSockets alone.
      ...(listener.includes('protocol websockets') ? [`listener ${await freePort()} 127.0.0.1`] : []),
      `listener ${server.port} 127.0.0.1`,
      ...listener,
      ...anonymous,
      '',
    ];
    await writeFile(path.join(dir, 'mosquitto.conf'), lines.join('\n').replaceAll('{dir}', dir));
    try {
      await server.resume();
    } catch (error) {
      const log = await readFile(path.join(dir, 'mosquitto.log'), 'utf8').catch(() => '');
      await server.remove();
      throw new Error(`${String(error)}\n${log}`);
    }
    return server;
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.port}`;
  }

  /** Starts it again on the same port and store. */
  async resume(): Promise<void> {
    const child = spawn(this.#program, ['-c', path.join(this.dir, 'mosquitto.conf')], { stdio: 'ignore' });
    this.#process = child;
    running.add(child);
    const deadline = performance.now() + START_TIMEOUT_MS;
    while (!(await accepts(this.port))) {
      if (child.exitCode !== null) throw new Error(`Mosquitto ended with ${child.exitCode}`);
      if (performance.now() > deadline) throw new Error('Mosquitto does not listen');
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** SIGTERM: it saves its store. */
  async stop(): Promise<void> {
    await this.#end('SIGTERM');
  }

  /** It stands still, with all its connections, until it is thawed. */
  freeze(): void {
    this.#process?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#process?.kill('SIGCONT');
  }

  /** kill -9: what it has not saved is gone. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  async remove(): Promise<void> {
    await this.#end('SIGKILL');
    await rm(this.dir, { recursive: true, force: true });
  }

  async #end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const child = this.#process;
    this.#process = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
    running.delete(child);
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      // A port that nobody listens on may be given to this very socket, which then is connected to itself.
      const self = socket.localPort === socket.remotePort;
      socket.destroy();
      resolve(!self);
    });
    socket.once('error', () => resolve(false));
  });
}

/** A line of Mosquitto's `password_file`: PBKDF2 with SHA-512, as `mosquitto_passwd` makes it. */
export function passwordLine(username: string, password: string): string {
  const salt = randomBytes(12);
  const hash = pbkdf2Sync(password, salt, 101, 64, 'sha512');
  return `${username}:$7$101$${salt.toString('base64')}$${hash.toString('base64')}\n`;
}
