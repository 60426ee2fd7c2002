// The public HTTP port (`http.host`, `http.port`): the API, the console under /ui/, and the open `/health/*`, in plain or TLS.
import type { SecureContextOptions } from 'node:tls';
import { type AppOptions, createApp } from './app.ts';

export interface HttpOptions extends AppOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
}

export interface HttpServer {
  readonly url: string;
  /** Another certificate for connections from now on. Throws when it is none. */
  setCertificate(certificate: Pick<SecureContextOptions, 'cert' | 'key'>): void;
  stop(): Promise<void>;
}

/** Each costs memory, also one that says nothing. */
const MAX_CONNECTIONS = 2000;

/** Rejects with the system's error (EADDRINUSE, EACCES …) when it cannot listen. */
export async function startHttp(options: HttpOptions): Promise<HttpServer> {
  const { host, port } = options;
  const { app } = await createApp(options);
  app.server.maxConnections = MAX_CONNECTIONS;
  const url = await app.listen({ host, port });
  return {
    url,
    setCertificate: (certificate) => {
      const { server } = app as unknown as { server: { setSecureContext?: (options: SecureContextOptions) => void } };
      server.setSecureContext?.({ ...certificate, minVersion: 'TLSv1.2' });
    },
    stop: () => app.close(),
  };
}
