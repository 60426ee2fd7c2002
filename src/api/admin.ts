// The worker's loopback admin interface: what the command line asks of a running bridge. Its routes and schemas grow into the API.
//
// It listens on 127.0.0.1 only, on a port of the system's choice, and wants the token of `{dataDir}/admin.json` (mode 0600):
// whoever can read the data directory may administer the worker, nobody else.
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { chmod, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import fastify, { type FastifyInstance } from 'fastify';
import type { Control } from '../domain/ports/control.ts';
import { connectionRoutes } from './connection-routes.ts';
import { deadLetterRoutes } from './dead-letter-routes.ts';
import { apiError } from './errors.ts';
import { ledgerRoutes } from './ledger-routes.ts';

export interface AdminOptions {
  readonly control: Control;
  readonly dataDir: string;
  /** 0: any free port. */
  readonly port: number;
}

export interface AdminServer {
  readonly url: string;
  stop(): Promise<void>;
}

const BODY_LIMIT_BYTES = 256 * 1024;

export async function startAdmin(options: AdminOptions): Promise<AdminServer> {
  const token = randomBytes(32).toString('base64url');
  const app = fastify({ logger: false, bodyLimit: BODY_LIMIT_BYTES, forceCloseConnections: true });
  requireToken(app, token);
  await app.register(connectionRoutes, { control: options.control });
  await app.register(deadLetterRoutes, { letters: options.control.letters });
  await app.register(ledgerRoutes, { letters: options.control.letters });
  const url = await app.listen({ host: '127.0.0.1', port: options.port });
  const file = path.join(options.dataDir, 'admin.json');
  await writePrivate(file, JSON.stringify({ url, token, pid: process.pid }));
  return {
    url,
    stop: async () => {
      await rm(file, { force: true });
      await app.close();
    },
  };
}

function requireToken(app: FastifyInstance, token: string): void {
  const wanted = Buffer.from(`Bearer ${token}`);
  app.addHook('onRequest', async (request, reply) => {
    const given = Buffer.from(request.headers.authorization ?? '');
    if (given.length === wanted.length && timingSafeEqual(given, wanted)) return;
    return reply.code(401).send(apiError(401, 'The token of admin.json is missing or wrong'));
  });
  app.setNotFoundHandler((request, reply) => {
    return reply.code(404).send(apiError(404, `There is no ${request.method} ${request.url}`));
  });
  app.setErrorHandler((error, _request, reply) => {
    const status = (error as { statusCode?: number }).statusCode ?? 500;
    return reply.code(status).send(apiError(status, error instanceof Error ? error.message : String(error)));
  });
}

/** Never readable by others, not even for a moment, and never half-written. */
async function writePrivate(file: string, text: string): Promise<void> {
  const draft = `${file}.${process.pid}`;
  await writeFile(draft, text, { mode: 0o600 });
  await chmod(draft, 0o600);
  await rename(draft, file);
}
