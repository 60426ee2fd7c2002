// `GET /connections/{id}/tail`: each uplink's final word as it falls, one line of JSON each.
import Type from 'typebox';
import type { ApiApp } from './app.ts';
import { ByConnection, DevEui } from './fields.ts';
import { Outcome } from './message-routes.ts';
import { notFound } from './problem.ts';
import type { ApiPorts } from './routes.ts';

/** A follower that reads slower than uplinks come misses some rather than filling the memory. */
const FOLLOWER_MAX_BYTES = 1024 * 1024;

export function tailRoutes(app: ApiApp, { control }: Pick<ApiPorts, 'control'>): void {
  app.get(
    '/connections/:id/tail',
    {
      exposeHeadRoute: false,
      config: { right: 'messages:read', produces: ['application/x-ndjson'] },
      schema: {
        tags: ['Messages'],
        summary: 'Follow a connection, one line an uplink',
        description: 'A reader that is too slow misses some: a line `{"missed": n}` says how many.',
        params: ByConnection,
        querystring: Type.Object(
          { device: Type.Optional(DevEui), outcome: Type.Optional(Outcome) },
          { additionalProperties: false },
        ),
        response: { 200: Type.String() },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const device = request.query.device?.toUpperCase();
      const { outcome } = request.query;
      const stream = reply.raw;
      let missed = 0;
      const unfollow = control.follow(id, (uplink) => {
        if (device !== undefined && uplink.device !== device) return;
        if (outcome !== undefined && uplink.outcome.kind !== outcome) return;
        if (stream.writableLength > FOLLOWER_MAX_BYTES) {
          missed += 1;
          return;
        }
        if (missed > 0) stream.write(`${JSON.stringify({ missed })}\n`);
        missed = 0;
        stream.write(`${JSON.stringify(uplink)}\n`);
      });
      if (unfollow === null) throw notFound(`Connection ${id} is not running here`);
      reply.hijack();
      stream.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' });
      stream.flushHeaders();
      stream.on('close', unfollow);
      return reply;
    },
  );
}
