// The simulated HERE as a process of its own: killed and started again on its port, told which faults to have.
import path from 'node:path';
import type { FaultRule } from '../sandbox/options.ts';
import { Child } from './child.ts';
import { LAUNCHER } from './programs.ts';
import { freePort, until } from './wait.ts';

type Env = Readonly<Record<string, string | undefined>>;

const START_MS = 90_000;
const CALL_MS = 5_000;

export interface HereProcessOptions {
  readonly dir: string;
  readonly seed: number;
  readonly requestsPerSecond: number | null;
  readonly env: Env;
}

export class HereProcess {
  readonly port: number;
  /** Outlives kills; see `RecordFile`. */
  readonly recordFile: string;
  /** Wall clock, ms: it forgets then what was desired. */
  readonly kills: number[] = [];
  readonly #options: HereProcessOptions;
  #child: Child | null = null;

  static async start(options: HereProcessOptions): Promise<HereProcess> {
    const here = new HereProcess(options, await freePort());
    await here.resume();
    return here;
  }

  private constructor(options: HereProcessOptions, port: number) {
    this.#options = options;
    this.port = port;
    this.recordFile = path.join(options.dir, 'here-records.ndjson');
  }

  /** A restarted one knows its accounts and projects, but neither devices nor tokens nor faults. */
  async resume(): Promise<void> {
    const { dir, seed, requestsPerSecond, env } = this.#options;
    const settings = ['--port', String(this.port), '--seed', String(seed), '--record-file', this.recordFile];
    if (requestsPerSecond !== null) settings.push('--rate-limit', String(requestsPerSecond));
    const child = new Child(process.execPath, [LAUNCHER, 'sandbox', ...settings], {
      env,
      logFile: path.join(dir, 'here.log'),
    });
    this.#child = child;
    const answers = async (): Promise<boolean> => !child.alive || (await this.call('GET', '').then(() => true));
    if (!(await until(START_MS, answers, 30)) || !child.alive) {
      throw new Error(`The simulated HERE did not start: see ${dir}/here.log`);
    }
  }

  async kill(): Promise<void> {
    this.kills.push(Date.now());
    await this.#child?.kill();
  }

  async addFault(rule: FaultRule): Promise<number> {
    const { ids } = (await this.call('POST', '/faults', rule)) as { ids: number[] };
    return ids[0]!;
  }

  async removeFault(id: number): Promise<void> {
    await this.call('DELETE', `/faults/${id}`);
  }

  async revokeTokens(email: string): Promise<void> {
    await this.call('POST', `/accounts/${encodeURIComponent(email)}/revoke`);
  }

  /** An admin path of the sandbox, past all faults. */
  async call(method: string, route: string, body?: unknown): Promise<unknown> {
    const answer = await fetch(`http://127.0.0.1:${this.port}/sandbox${route}`, {
      method,
      signal: AbortSignal.timeout(CALL_MS),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} /sandbox${route}: ${answer.status} ${text}`);
    return text === '' ? null : JSON.parse(text);
  }
}
