// The worker's two HTTP servers: the public port and the loopback admin interface, with the same routes.
import { startAdmin } from '../api/admin.ts';
import { authenticator } from '../api/authenticate.ts';
import { CertificateFiles } from '../api/certificate-files.ts';
import { addGate, type GateOptions } from '../api/gate.ts';
import { startHttp } from '../api/http.ts';
import type { Authentication } from '../api/rights.ts';
import type { ApiPorts } from '../api/routes.ts';
import type { Config } from '../config/config.ts';
import { BridgeError, EXIT } from '../domain/errors.ts';
import type { BackupControl } from '../domain/ports/backup.ts';
import type { Clock } from '../domain/ports/clock.ts';
import type { Logger } from '../ops/logger.ts';

export interface ApiServers {
  /** Of the public port. */
  readonly url: string;
  stop(): Promise<void>;
}

export interface ApiParts {
  readonly ports: ApiPorts;
  readonly backup: BackupControl;
  readonly gate: GateOptions;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Health is answered all the same. */
const NO_API: Authentication = {
  kind: 'refused',
  status: 503,
  message: 'This process has not the role api: ask another worker',
};

/** Rejects with `httpPortInUse` (75), `certificateInvalid` (78), or with the system's error. */
export async function startApi(
  { http, admin, dataDir, roles }: Pick<Config, 'http' | 'admin' | 'dataDir' | 'roles'>,
  { ports, backup, gate, clock, logger }: ApiParts,
): Promise<ApiServers> {
  const onDefect = (error: unknown, route: string): void => {
    logger.error({ err: error, route }, 'A request met a defect of the bridge');
  };
  const { certFile, keyFile } = http.tls;
  const files = certFile === null || keyFile === null ? null : new CertificateFiles(certFile, keyFile);
  const tls = files?.read();
  const adminServer = await startAdmin({ ports, backup, dataDir, port: admin.port, onDefect });
  try {
    const httpServer = await startHttp({
      ports,
      host: http.host,
      port: http.port,
      authenticate: roles.includes('api') ? authenticator(ports.access, ports.cookies) : () => NO_API,
      extend: (app) => addGate(app, gate),
      audit: ports.audit,
      trustProxy: http.trustProxy,
      ...(tls === undefined ? {} : { tls }),
      onDefect,
    });
    const endWatch = files?.watch(
      clock,
      (certificate) => {
        httpServer.setCertificate(certificate);
        logger.info({ certFile }, 'The new certificate of the HTTP port is in use');
      },
      (message) => logger.error({ certFile }, message),
    );
    const stop = async (): Promise<void> => {
      endWatch?.();
      await Promise.all([httpServer.stop(), adminServer.stop()]);
    };
    return { url: httpServer.url, stop };
  } catch (error) {
    await adminServer.stop();
    throw explained(error as NodeJS.ErrnoException, http);
  }
}

function explained(error: NodeJS.ErrnoException, { host, port }: Config['http']): Error {
  if (error.code !== 'EADDRINUSE') return error;
  const message = `The HTTP port ${port} on ${host} is in use: stop what uses it, or set http.port (--http-port)`;
  return new BridgeError('httpPortInUse', message, { exitCode: EXIT.inUse, cause: error });
}
