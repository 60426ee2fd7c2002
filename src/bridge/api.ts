// The worker's two HTTP servers: the public port and the loopback admin interface, with the same routes.
import { startAdmin } from '../api/admin.ts';
import { startHttp } from '../api/http.ts';
import type { ApiPorts } from '../api/routes.ts';
import type { Config } from '../config/config.ts';
import { isLoopback } from '../config/http-rules.ts';
import { BridgeError, EXIT } from '../domain/errors.ts';
import type { Logger } from '../ops/logger.ts';

export interface ApiServers {
  /** Of the public port. */
  readonly url: string;
  stop(): Promise<void>;
}

/** Rejects with `httpPortInUse` (75), or with the system's error. */
export async function startApi(
  { http, admin, dataDir }: Pick<Config, 'http' | 'admin' | 'dataDir'>,
  { ports, logger }: { readonly ports: ApiPorts; readonly logger: Logger },
): Promise<ApiServers> {
  const onDefect = (error: unknown, route: string): void => {
    logger.error({ err: error, route }, 'A request met a defect of the bridge');
  };
  const adminServer = await startAdmin({ ports, dataDir, port: admin.port, onDefect });
  try {
    const httpServer = await startHttp({
      ports,
      host: http.host,
      port: http.port,
      isLoopback: isLoopback(http.host),
      // Where users, tokens and sessions come in.
      authenticate: null,
      onDefect,
    });
    if (!httpServer.servesApi) {
      logger.warn({ host: http.host }, 'Only /health/* is served: beyond the loopback interface the API needs users');
    }
    const stop = async (): Promise<void> => {
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
