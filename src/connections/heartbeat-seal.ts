// Heartbeats are signed with the secret key that workers share: more may write to their topic than may say where a worker is
// asked, what it serves, or that another one must give way.
import { timingSafeEqual } from 'node:crypto';
import type { SecretBox } from '../domain/ports/secrets.ts';
import { type Heartbeat, parseHeartbeat, workersPrefix } from './heartbeat.ts';

export interface HeardHeartbeat extends Heartbeat {
  /** By a bridge with this key, for this topic. */
  readonly isSigned: boolean;
}

/** What clocks of workers may differ by; their requests to each other are bound to the same. */
const CLOCKS_DIFFER_MS = 60_000;

export class HeartbeatSeal {
  readonly #prefix: string;
  readonly #box: Pick<SecretBox, 'hmac'>;

  /** `prefix`: of the bridge's topics. */
  constructor(prefix: string, box: Pick<SecretBox, 'hmac'>) {
    this.#prefix = prefix;
    this.#box = box;
  }

  get prefix(): string {
    return this.#prefix;
  }

  /** Says nothing of the key; workers with different ones cannot read each other's secrets. */
  get keyId(): string {
    return this.#box.hmac('which key is it').slice(0, 8);
  }

  topicOf(workerId: string): string {
    return `${workersPrefix(this.#prefix)}/${workerId}`;
  }

  write(beat: Heartbeat): string {
    return JSON.stringify({ ...beat, signature: this.#sign(beat.id, JSON.stringify(beat)) });
  }

  /** Null for anything that is no heartbeat. */
  read(id: string, payload: Buffer): HeardHeartbeat | null {
    const beat = parseHeartbeat(id, payload);
    if (beat === null) return null;
    const { signature, ...said } = JSON.parse(payload.toString('utf8')) as Record<string, unknown>;
    return { ...beat, isSigned: typeof signature === 'string' && this.#isRight(id, JSON.stringify(said), signature) };
  }

  #isRight(id: string, text: string, signature: string): boolean {
    const right = Buffer.from(this.#sign(id, text));
    const given = Buffer.from(signature);
    return given.length === right.length && timingSafeEqual(given, right);
  }

  /** The topic belongs to it: a heartbeat of another prefix or worker is none here. */
  #sign(id: string, text: string): string {
    return this.#box.hmac(`heartbeat on ${this.topicOf(id)}\n${text}`);
  }
}

/** Else it was said long ago, and somebody has put it there again; or the clocks of two workers differ. */
export function isFresh({ saidAt }: Heartbeat, nowMs: number): boolean {
  return Math.abs(nowMs - saidAt) <= CLOCKS_DIFFER_MS;
}
