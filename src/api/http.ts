// The public HTTP port (`http.host`, `http.port`): the API, later the console under /ui/, and the open `/health/*`.
//
// Who asks is decided by `authenticate`. Without users it is null: then everyone on this machine may do all, as on a local
// database, and beyond the loopback interface nothing but `/health/*` is answered.
import { type AppOptions, createApp } from './app.ts';
import { type Authentication, LOCAL_ADMIN } from './rights.ts';
import type { ApiPorts } from './routes.ts';

export interface HttpOptions {
  readonly ports: ApiPorts;
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly isLoopback: boolean;
  readonly authenticate: AppOptions['authenticate'] | null;
  readonly extend?: AppOptions['extend'];
  readonly onDefect?: AppOptions['onDefect'];
}

export interface HttpServer {
  readonly url: string;
  /** False: only `/health/*`. */
  readonly servesApi: boolean;
  stop(): Promise<void>;
}

const NO_USERS: Authentication = {
  kind: 'refused',
  status: 403,
  message: 'Beyond the loopback interface the API needs users, and there are none',
};

/** Rejects with the system's error (EADDRINUSE, EACCES …) when it cannot listen. */
export async function startHttp(options: HttpOptions): Promise<HttpServer> {
  const { ports, host, port, isLoopback, authenticate, extend, onDefect } = options;
  const everyone = isLoopback ? LOCAL_ADMIN : NO_USERS;
  const { app } = await createApp({
    ports,
    authenticate: authenticate ?? (() => everyone),
    ...(extend === undefined ? {} : { extend }),
    ...(onDefect === undefined ? {} : { onDefect }),
  });
  const url = await app.listen({ host, port });
  return { url, servesApi: authenticate !== null || isLoopback, stop: () => app.close() };
}
