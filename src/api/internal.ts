// The worker's internal address, for the other workers of its group: the API's routes behind a token that they share.
import { timingSafeEqual } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { type AppOptions, createApp } from './app.ts';
import { OTHER_WORKER } from './cluster-routes.ts';
import type { ApiPorts } from './routes.ts';

export interface InternalOptions {
  readonly ports: ApiPorts;
  readonly token: string;
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly onDefect?: AppOptions['onDefect'];
}

export async function startInternal(
  options: InternalOptions,
): Promise<{ readonly port: number; stop(): Promise<void> }> {
  const { ports, token, host, port, onDefect } = options;
  const wanted = Buffer.from(`Bearer ${token}`);
  const { app } = await createApp({
    ports,
    authenticate: (request) => {
      const given = Buffer.from(request.headers.authorization ?? '');
      if (given.length === wanted.length && timingSafeEqual(given, wanted)) {
        return { kind: 'ok', principal: OTHER_WORKER };
      }
      return { kind: 'refused', status: 401, message: 'The token that workers share is missing or wrong' };
    },
    ...(onDefect === undefined ? {} : { onDefect }),
  });
  await app.listen({ host, port });
  return { port: (app.server.address() as AddressInfo).port, stop: () => app.close() };
}
