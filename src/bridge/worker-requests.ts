// Questions from one worker to another: each is signed with the key that they share, for that worker, this moment and this body. A
// token would be as good as an administrator for whoever gets hold of it once; a signature is worth one question, for a minute.
import { createHash, timingSafeEqual } from 'node:crypto';
import { ROLES } from '../domain/access.ts';
import type { Asker } from '../domain/ports/access.ts';
import type { Clock } from '../domain/ports/clock.ts';
import type { AskWorker, JudgeWorker, WorkerWord } from '../domain/ports/cluster.ts';
import type { SecretBox } from '../domain/ports/secrets.ts';

export interface WorkerRequestsOptions {
  readonly box: Pick<SecretBox, 'hmac'>;
  /** Workers of another group may have the same key. */
  readonly group: string;
  readonly workerId: string;
  readonly clock: Clock;
}

interface Claims {
  /** Wall-clock ms. */
  readonly at: number;
  readonly to: string;
  /** SHA-256 of the body, hex. */
  readonly body: string;
  readonly asker: Asker | null;
}

const SCHEME = 'Worker ';
const CLOCKS_DIFFER_MS = 60_000;
const KINDS: readonly string[] = ['session', 'token', 'oidc', 'local', 'open'] satisfies Asker['principal']['kind'][];

export class WorkerRequests {
  readonly #options: WorkerRequestsOptions;

  constructor(options: WorkerRequestsOptions) {
    this.#options = options;
  }

  readonly ask: AskWorker = ({ worker, address }, { method, path, headers = {}, body, asker, signal }) => {
    const url = new URL(`${address}${path}`);
    // What the other one sees: without what a proxy in front of it takes away.
    const base = new URL(address).pathname.replace(/\/$/, '');
    const seen = `${url.pathname}${url.search}`.slice(base.length);
    const claims: Claims = {
      at: this.#options.clock.now(),
      to: worker,
      body: createHash('sha256')
        .update(body ?? '')
        .digest('hex'),
      asker: asker ?? null,
    };
    const text = Buffer.from(JSON.stringify(claims)).toString('base64url');
    const authorization = `${SCHEME}${text}.${this.#sign(method, seen, text)}`;
    const request = { method, headers: { ...headers, authorization }, signal, redirect: 'error' as const };
    return fetch(url, body === undefined ? request : { ...request, body });
  };

  /** Of a request that has come in. */
  readonly judge: JudgeWorker = ({ method, path, authorization = '' }): WorkerWord => {
    const [text = '', signature = ''] = authorization.startsWith(SCHEME)
      ? authorization.slice(SCHEME.length).split('.')
      : [];
    const right = Buffer.from(this.#sign(method, path, text));
    const given = Buffer.from(signature);
    if (given.length !== right.length || !timingSafeEqual(given, right)) {
      return refused('It is not signed by another worker with the same secrets.key and of the same version');
    }
    // A bridge has written it.
    const { at, to, body, asker } = JSON.parse(Buffer.from(text, 'base64url').toString('utf8')) as Claims;
    if (to !== this.#options.workerId) return refused(`It is for the worker ${to}`);
    if (Math.abs(this.#options.clock.now() - at) > CLOCKS_DIFFER_MS) {
      return refused('It is older than a minute, or the clocks of the workers differ by more');
    }
    if (asker !== null && !isAsker(asker)) return refused('It says of nobody known who asks');
    return { kind: 'ok', asker, bodyHash: body };
  };

  #sign(method: string, path: string, claims: string): string {
    return this.#options.box.hmac(['a worker asks', this.#options.group, method, path, claims].join('\n'));
  }
}

/** A later version may know other roles. */
function isAsker({ principal: { kind, role } }: Asker): boolean {
  return KINDS.includes(kind) && ROLES.includes(role);
}

function refused(message: string): WorkerWord {
  return { kind: 'refused', message };
}
