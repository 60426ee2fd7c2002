// The container engine and Compose, as this machine has them; one project of its own that leaves nothing behind.
import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';

const ROOT = path.resolve(import.meta.dirname, '../..');
const MINUTE_MS = 60_000;

export type FoundEngine =
  | { readonly kind: 'ready'; readonly compose: readonly string[]; readonly version: string }
  | { readonly kind: 'missing'; readonly why: string };

/**
 * `CONTAINERS_UP` names a program that, given `up`, starts an engine and makes sure of the images; where it is absent, an
 * engine that runs already will do.
 */
export function findEngine(env: NodeJS.ProcessEnv): FoundEngine {
  const wanted = env.CONTAINERS_UP;
  const starter = path.resolve(ROOT, wanted || '../shared/tools/containers');
  if (existsSync(starter)) {
    const up = spawnSync(starter, ['up'], { stdio: ['ignore', 'inherit', 'inherit'], timeout: 15 * MINUTE_MS });
    if (up.status !== 0) return { kind: 'missing', why: `${starter} up failed` };
  } else if (wanted) return { kind: 'missing', why: `CONTAINERS_UP names ${wanted}, which is not there` };
  const info = spawnSync('docker', ['info', '--format', '{{.ServerVersion}}'], {
    encoding: 'utf8',
    timeout: MINUTE_MS,
  });
  if (info.status !== 0) return { kind: 'missing', why: 'no container engine answers (docker info)' };
  for (const compose of [['docker', 'compose'], ['docker-compose']]) {
    const [program = '', ...rest] = compose;
    const version = spawnSync(program, [...rest, 'version', '--short'], { encoding: 'utf8', timeout: MINUTE_MS });
    if (version.status !== 0) continue;
    return { kind: 'ready', compose, version: `engine ${info.stdout.trim()}, Compose ${version.stdout.trim()}` };
  }
  return { kind: 'missing', why: 'neither `docker compose` nor `docker-compose` is there' };
}

export interface StackOptions {
  readonly compose: readonly string[];
  readonly project: string;
  readonly image: string;
  readonly ports: { readonly http: number; readonly mqtt: number; readonly sandbox: number };
}

/** The compose stack with the demo profile. Methods throw with the program's last words. */
export class Stack {
  readonly #options: StackOptions;
  readonly #env: NodeJS.ProcessEnv;

  constructor(options: StackOptions, env: NodeJS.ProcessEnv) {
    this.#options = options;
    const { image, ports } = options;
    this.#env = {
      ...env,
      HERE_BRIDGE_IMAGE: image,
      BRIDGE_HTTP_PORT: String(ports.http),
      MQTT_PORT: String(ports.mqtt),
      SANDBOX_PORT: String(ports.sandbox),
    };
  }

  build(): void {
    this.#compose(['build'], 15 * MINUTE_MS);
  }

  up(): void {
    this.#compose(['up', '-d', '--no-build'], 5 * MINUTE_MS);
  }

  /** Containers, network, volumes and the image; says what could not be removed. */
  down(): void {
    this.#compose(['down', '-v', '--remove-orphans', '-t', '5'], 5 * MINUTE_MS);
    docker(['rmi', '-f', this.#options.image]);
  }

  logs(service: string, lines: number): string {
    return this.#compose(['logs', '--no-color', `--tail=${lines}`, service], MINUTE_MS);
  }

  /** The id of a service's container. */
  container(service: string): string {
    const id = this.#compose(['ps', '-q', service], MINUTE_MS).trim();
    if (id === '') throw new Error(`${service} has no container`);
    return id;
  }

  #compose(args: readonly string[], timeoutMs: number): string {
    const [program = '', ...before] = this.#options.compose;
    const all = [...before, '-p', this.#options.project, '--profile', 'demo', ...args];
    return output(program, all, spawnSync(program, all, { cwd: ROOT, env: this.#env, timeout: timeoutMs, ...TEXT }));
  }
}

export function docker(args: readonly string[], timeoutMs = MINUTE_MS): string {
  return output('docker', args, spawnSync('docker', args, { timeout: timeoutMs, ...TEXT }));
}

export function inspect(container: string, template: string): string {
  return docker(['inspect', '-f', template, container]).trim();
}

const TEXT = { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 } as const;

function output(program: string, args: readonly string[], result: SpawnSyncReturns<string>): string {
  if (result.status === 0) return result.stdout;
  const words = `${result.error?.message ?? ''}\n${result.stdout ?? ''}\n${result.stderr ?? ''}`.trim();
  throw new Error(`${program} ${args.join(' ')} failed:\n${words.split('\n').slice(-25).join('\n')}`);
}
