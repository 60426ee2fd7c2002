// `/health/live` and `/health/ready` for supervisors and load balancers: open to all, saying nothing else.
import fastify from 'fastify';

export interface HealthOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Asked at each request; must be quick and must not throw. */
  readonly isReady: () => boolean;
}

export interface HealthServer {
  readonly url: string;
  stop(): Promise<void>;
}

/** Rejects with the system's error (EADDRINUSE, EACCES …) when it cannot listen. */
export async function startHealth(options: HealthOptions): Promise<HealthServer> {
  const app = fastify({
    logger: false,
    bodyLimit: 1024,
    requestTimeout: 5000,
    keepAliveTimeout: 5000,
    forceCloseConnections: true,
  });
  app.get('/health/live', async (_request, reply) => reply.code(200).send({ status: 'live' }));
  app.get('/health/ready', async (_request, reply) => {
    return options.isReady() ? reply.code(200).send({ status: 'ready' }) : reply.code(503).send({ status: 'notReady' });
  });
  app.setNotFoundHandler((_request, reply) => reply.code(404).send());
  app.setErrorHandler((error, _request, reply) => {
    const status = (error as { statusCode?: number }).statusCode ?? 500;
    return reply.code(status).send();
  });
  const url = await app.listen({ host: options.host, port: options.port });
  return { url, stop: () => app.close() };
}
