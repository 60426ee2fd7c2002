// A Mosquitto of its own: started, stopped gently, killed, frozen, started again on the same port and store.
import { accessSync, constants, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { userInfo } from 'node:os';
import path from 'node:path';
import { Child } from './child.ts';
import { freePort, until } from './wait.ts';

type Env = Readonly<Record<string, string | undefined>>;

const USUAL_DIRS = ['/usr/sbin', '/usr/local/sbin', '/opt/homebrew/sbin'];
const START_MS = 10_000;
const STOP_MS = 10_000;

/** Nothing dropped from queues, no small window; saved every second, since it acknowledges before it saves. */
const SETTINGS = [
  'max_queued_messages 0',
  'max_inflight_messages 0',
  'persistence true',
  'autosave_interval 1',
  'set_tcp_nodelay true',
  'log_type error',
  'log_type warning',
  'log_dest stderr',
];

export function findMosquitto(env: Env): string | null {
  for (const dir of [...(env.PATH ?? '').split(path.delimiter), ...USUAL_DIRS]) {
    const file = path.join(dir, 'mosquitto');
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // Not there.
    }
  }
  return null;
}

export class Mosquitto {
  readonly port: number;
  readonly #program: string;
  readonly #dir: string;
  readonly #env: Env;
  #child: Child | null = null;

  static async start(program: string, dir: string, env: Env, settings: readonly string[] = []): Promise<Mosquitto> {
    const broker = new Mosquitto(program, dir, env, await freePort());
    const lines = [
      // Started by root it would become another user, who cannot write here.
      `user ${userInfo().username}`,
      `persistence_location ${dir}/`,
      ...SETTINGS,
      ...settings,
      `listener ${broker.port} 127.0.0.1`,
      'allow_anonymous true',
      '',
    ];
    writeFileSync(path.join(dir, 'mosquitto.conf'), lines.join('\n'));
    await broker.resume();
    return broker;
  }

  private constructor(program: string, dir: string, env: Env, port: number) {
    this.#program = program;
    this.#dir = dir;
    this.#env = env;
    this.port = port;
  }

  async resume(): Promise<void> {
    const child = new Child(this.#program, ['-c', path.join(this.#dir, 'mosquitto.conf')], {
      env: this.#env,
      logFile: path.join(this.#dir, 'mosquitto.log'),
    });
    this.#child = child;
    const listens = await until(START_MS, async () => !child.alive || (await accepts(this.port)), 20);
    if (!listens || !child.alive) throw new Error(`Mosquitto did not start: see ${this.#dir}/mosquitto.log`);
  }

  /** What it has not saved is gone. */
  async kill(): Promise<void> {
    await this.#child?.kill();
  }

  /** It saves its store. */
  async stop(): Promise<void> {
    await this.#child?.stop(STOP_MS);
  }

  freeze(): void {
    this.#child?.signal('SIGSTOP');
  }

  thaw(): void {
    this.#child?.signal('SIGCONT');
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
