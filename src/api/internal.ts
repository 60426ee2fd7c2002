// The worker's internal address, for the other workers of its group: those of the API's routes that one asks of another, each request
// signed by the worker that asks, with the rights of the person that it asks for.
import { createHash } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { pipeline, Transform } from 'node:stream';
import type { FastifyRequest } from 'fastify';
import type { JudgeWorker } from '../domain/ports/cluster.ts';
import { type ApiApp, type AppOptions, createApp } from './app.ts';
import { setOrigin } from './asker.ts';
import { isAskedOfWorker, isPassedOn, OTHER_WORKER } from './cluster-routes.ts';
import { Refusal } from './problem.ts';
import type { ApiPorts } from './routes.ts';

export interface InternalOptions {
  readonly ports: ApiPorts;
  readonly judge: JudgeWorker;
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly onDefect?: AppOptions['onDefect'];
}

interface Admitted {
  readonly isForSomebody: boolean;
  readonly bodyHash: string;
  isBodyRight: boolean;
}

const EMPTY_HASH = createHash('sha256').digest('hex');
const OTHER_BODY = 'The body is not the one that was signed';

export async function startInternal(
  options: InternalOptions,
): Promise<{ readonly port: number; stop(): Promise<void> }> {
  const { ports, judge, host, port, onDefect } = options;
  const admitted = new WeakMap<FastifyRequest, Admitted>();
  const { app } = await createApp({
    ports: { ...ports, isInternal: true },
    authenticate: (request) => {
      // An answer that goes on: the worker that asks ends it, for it knows the person.
      if (admitted.has(request) && request.principal !== null) return { kind: 'ok', principal: request.principal };
      const { method, url: path, headers } = request;
      const word = judge({ method, path, authorization: headers.authorization });
      if (word.kind === 'refused') return { kind: 'refused', status: 401, message: word.message };
      const { asker, bodyHash } = word;
      admitted.set(request, { isForSomebody: asker !== null, bodyHash, isBodyRight: bodyHash === EMPTY_HASH });
      if (asker !== null) setOrigin(request, asker.from);
      return { kind: 'ok', principal: asker?.principal ?? OTHER_WORKER };
    },
    extend: (app) => checkAdmitted(app, admitted),
    ...(onDefect === undefined ? {} : { onDefect }),
  });
  await app.listen({ host, port });
  return { port: (app.server.address() as AddressInfo).port, stop: () => app.close() };
}

function checkAdmitted(app: ApiApp, admitted: WeakMap<FastifyRequest, Admitted>): void {
  app.addHook('preParsing', async (request, _reply, payload) => {
    const { url = '' } = request.routeOptions;
    if (request.is404 || url.startsWith('/health/')) return payload;
    const entry = admitted.get(request);
    const isAsked = entry?.isForSomebody === true ? isPassedOn : isAskedOfWorker;
    if (entry === undefined || !isAsked(request.method, url)) {
      throw new Refusal(403, `Workers do not ask each other for ${request.method} ${url}`);
    }
    const { 'content-length': length = '0', 'transfer-encoding': encoding } = request.headers;
    if (length === '0' && encoding === undefined) return payload;
    const checked = checkOf(entry);
    pipeline(payload, checked, () => {});
    return checked;
  });
  app.addHook('preValidation', async (request) => {
    if (admitted.get(request)?.isBodyRight === false) throw new Refusal(401, OTHER_BODY);
  });
}

/** Passes the body on, and fails at its end where it is another one. */
function checkOf(entry: Admitted): Transform {
  const hash = createHash('sha256');
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      done(null, chunk);
    },
    flush(done) {
      entry.isBodyRight = hash.digest('hex') === entry.bodyHash;
      done(entry.isBodyRight ? null : new Refusal(401, OTHER_BODY));
    },
  });
}
