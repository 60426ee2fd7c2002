// The container engine and Compose, as this machine has them; one project of its own that leaves nothing behind.
import { execFile, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';

const ROOT = path.resolve(import.meta.dirname, '../..');
const MINUTE_MS = 60_000;

export type FoundEngine =
  | { readonly kind: 'ready'; readonly compose: readonly string[]; readonly version: string }
  | { readonly kind: 'missing'; readonly why: string };

/**
 * `CONTAINERS_UP` names a program that, given `up` and the images, starts an engine and makes sure of the images; where it is
 * absent, an engine that runs already will do.
 */
export function findEngine(env: NodeJS.ProcessEnv, images: readonly string[]): FoundEngine {
  const wanted = env.CONTAINERS_UP;
  const starter = path.resolve(ROOT, wanted || '../shared/tools/containers');
  if (existsSync(starter)) {
    const stdio = ['ignore', 'inherit', 'inherit'] as const;
    const up = spawnSync(starter, ['up', ...images], { stdio: [...stdio], timeout: 15 * MINUTE_MS });
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
  readonly ports: { readonly http: string; readonly kafka: number; readonly mqtt: number; readonly sandbox: number };
  /** Of the sandbox, besides its own. */
  readonly accounts: number;
}

/** The compose stack with the demo profile. Methods reject with the program's last words; traffic goes on meanwhile. */
export class Stack {
  readonly #options: StackOptions;
  readonly #env: NodeJS.ProcessEnv;

  constructor(options: StackOptions, env: NodeJS.ProcessEnv) {
    this.#options = options;
    const { image, ports, accounts } = options;
    this.#env = {
      ...env,
      HERE_BRIDGE_IMAGE: image,
      BRIDGE_HTTP_PORT: ports.http,
      KAFKA_PORT: String(ports.kafka),
      MQTT_PORT: String(ports.mqtt),
      SANDBOX_PORT: String(ports.sandbox),
      SANDBOX_ACCOUNTS: String(accounts),
      FLEET_RATE: '5',
    };
  }

  async build(): Promise<void> {
    // All services share it.
    await this.#compose(['build', 'bridge'], 15 * MINUTE_MS);
  }

  async up(bridges: number): Promise<void> {
    await this.#compose(['up', '-d', '--no-build', '--scale', `bridge=${bridges}`], 5 * MINUTE_MS);
  }

  /** More or fewer bridges; all else stays as it is. */
  async scale(bridges: number): Promise<void> {
    const scale = ['--no-recreate', '--no-deps', '--scale', `bridge=${bridges}`, 'bridge'];
    await this.#compose(['up', '-d', '--no-build', ...scale], 2 * MINUTE_MS);
  }

  /** Runs a service's image once with other arguments; its output. */
  runOnce(service: string, args: readonly string[]): Promise<string> {
    return this.#compose(['run', '--rm', '--no-deps', '-T', service, ...args], MINUTE_MS);
  }

  /** Containers, network, volumes and the image; says what could not be removed. */
  async down(): Promise<void> {
    await this.#compose(['down', '-v', '--remove-orphans', '-t', '5'], 5 * MINUTE_MS);
    await docker(['rmi', '-f', this.#options.image]);
  }

  logs(service: string, lines: number): Promise<string> {
    return this.#compose(['logs', '--no-color', `--tail=${lines}`, service], MINUTE_MS);
  }

  /** The ids of a service's containers. */
  async containers(service: string): Promise<readonly string[]> {
    const ids = await this.#compose(['ps', '-q', service], MINUTE_MS);
    return ids
      .split('\n')
      .map((id) => id.trim())
      .filter((id) => id !== '');
  }

  /** The id of a service's only container. */
  async container(service: string): Promise<string> {
    const [id] = await this.containers(service);
    if (id === undefined) throw new Error(`${service} has no container`);
    return id;
  }

  #compose(args: readonly string[], timeoutMs: number): Promise<string> {
    const [program = '', ...before] = this.#options.compose;
    const all = [...before, '-p', this.#options.project, '--profile', 'demo', ...args];
    return run(program, all, timeoutMs, this.#env);
  }
}

export function docker(args: readonly string[], timeoutMs = MINUTE_MS): Promise<string> {
  return run('docker', args, timeoutMs, process.env);
}

export async function inspect(container: string, template: string): Promise<string> {
  return (await docker(['inspect', '-f', template, container])).trim();
}

const execute = promisify(execFile);

async function run(program: string, args: readonly string[], timeoutMs: number, env: NodeJS.ProcessEnv) {
  const options = { cwd: ROOT, env, timeout: timeoutMs, maxBuffer: 64 * 1024 * 1024 };
  try {
    return (await execute(program, [...args], options)).stdout;
  } catch (error) {
    const { message, stdout = '', stderr = '' } = error as Error & { stdout?: string; stderr?: string };
    const words = `${message}\n${stdout}\n${stderr}`.trim().split('\n').slice(-25).join('\n');
    throw new Error(`${program} ${args.join(' ')} failed:\n${words}`);
  }
}
