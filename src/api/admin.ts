// The worker's loopback admin interface: what the command line asks of a running bridge. It serves the API's routes.
//
// It listens on 127.0.0.1 only, on a port of the system's choice, and wants the token of `{dataDir}/admin.json` (mode 0600):
// whoever can read the data directory may administer the worker, nobody else.
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { chmod, rename, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { FastifyRequest } from 'fastify';
import type { Principal } from '../domain/access.ts';
import { BridgeError, describeError, EXIT } from '../domain/errors.ts';
import type { BackupControl } from '../domain/ports/backup.ts';
import { type AppOptions, createApp } from './app.ts';
import { backupRoutes } from './backup-routes.ts';
import type { Authentication } from './rights.ts';
import type { ApiPorts } from './routes.ts';

export interface AdminOptions {
  readonly ports: ApiPorts;
  /** Absent: none can be taken. */
  readonly backup?: BackupControl;
  readonly dataDir: string;
  /** 0: any free port. */
  readonly port: number;
  readonly onDefect?: AppOptions['onDefect'];
}

export interface AdminServer {
  readonly url: string;
  stop(): Promise<void>;
}

/** Rejects with `adminFileUnavailable` (exit 69) when the file cannot be written: the disk may be full. */
export async function startAdmin(options: AdminOptions): Promise<AdminServer> {
  const { ports, backup, dataDir, port, onDefect } = options;
  const token = randomBytes(32).toString('base64url');
  const { app } = await createApp({
    ports,
    authenticate: byToken(token),
    audit: ports.audit,
    ...(onDefect === undefined ? {} : { onDefect }),
  });
  if (backup !== undefined) backupRoutes(app, backup);
  const url = await app.listen({ host: '127.0.0.1', port });
  const file = path.join(dataDir, 'admin.json');
  try {
    await writePrivate(file, JSON.stringify({ url, token, pid: process.pid, host: os.hostname() }));
  } catch (error) {
    await app.close();
    const message = `The file ${file}, by which commands find this bridge, cannot be written: ${describeError(error)}`;
    throw new BridgeError('adminFileUnavailable', message, { exitCode: EXIT.unavailable, cause: error });
  }
  return {
    url,
    stop: async () => {
      await rm(file, { force: true });
      await app.close();
    },
  };
}

const LOCAL: Principal = { kind: 'local', name: 'local', role: 'admin', user: null };

function byToken(token: string): (request: FastifyRequest) => Authentication {
  const wanted = Buffer.from(`Bearer ${token}`);
  return (request) => {
    const given = Buffer.from(request.headers.authorization ?? '');
    if (given.length === wanted.length && timingSafeEqual(given, wanted)) {
      return { kind: 'ok', principal: LOCAL };
    }
    return { kind: 'refused', status: 401, message: 'The token of admin.json is missing or wrong' };
  };
}

/** Never readable by others, not even for a moment, and never half-written. */
async function writePrivate(file: string, text: string): Promise<void> {
  const draft = `${file}.${process.pid}`;
  try {
    await writeFile(draft, text, { mode: 0o600 });
    await chmod(draft, 0o600);
    await rename(draft, file);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}
