// `GET /connections/{id}/tail`: each uplink's final word as it falls, one line of JSON each; of one device also the messages.
import Type from 'typebox';
import type { Cancel, Clock } from '../domain/ports/clock.ts';
import type { FollowedUplink, HeardMessage } from '../domain/ports/control.ts';
import type { ApiApp } from './app.ts';
import { payloadOf } from './dead-letter-records.ts';
import { ByConnection, DevEui } from './fields.ts';
import { LineStream } from './line-stream.ts';
import { Outcome } from './message-routes.ts';
import { notFound, Refusal } from './problem.ts';
import type { ApiPorts } from './routes.ts';

/** More than a person reads, and than a device sends. */
const MESSAGES_PER_SECOND = 5;
/** Those of a second are spread over it: a page shows what comes several times a second. */
const STEPS_PER_SECOND = 4;
const MOST_PER_SECOND = 100_000;
/** The largest uplink that `POST /uplinks/try` is asked of by the console. */
const MESSAGE_MAX_BYTES = 256 * 1024;

/** In all, of both ports and base paths: each one is told of each uplink. */
const MAX_FOLLOWERS = 50;
const followers = new WeakMap<ApiPorts['control'], number>();

export function tailRoutes(app: ApiApp, { control, clock }: Pick<ApiPorts, 'control' | 'clock'>): void {
  app.get(
    '/connections/:id/tail',
    {
      exposeHeadRoute: false,
      config: { right: 'messages:read', produces: ['application/x-ndjson'] },
      schema: {
        tags: ['Messages'],
        summary: 'Follow a connection, one line an uplink',
        description:
          'A reader that is too slow misses some: a line `{"missed": n}` says how many. With `perSecond` it gets at most so many ' +
          'uplinks a second, and lines `{"more": n}` for the others. With `messages` the uplinks of the device ' +
          'also come as lines `{"message": {"time", "device", "topic", "payload"}}` when they arrive, before it is known what becomes ' +
          'of them: `payload` is the text, `payloadBase64` stands for what is none, and `tooLarge` (bytes) for more than ' +
          `${MESSAGE_MAX_BYTES} bytes. At most ${MESSAGES_PER_SECOND} a second are shown, the others are counted as missed. ` +
          `Messages are not kept: only what comes from now on is shown. At most ${MAX_FOLLOWERS} follow at once (503).`,
        params: ByConnection,
        querystring: Type.Object(
          {
            device: Type.Optional(DevEui),
            outcome: Type.Optional(Outcome),
            perSecond: Type.Optional(
              Type.Integer({
                minimum: 1,
                maximum: MOST_PER_SECOND,
                description: 'Uplinks a second that are told one by one; the others are counted. All by default.',
              }),
            ),
            messages: Type.Optional(
              Type.Boolean({
                default: false,
                description: 'Also its uplinks as they came; only together with `device`.',
              }),
            ),
          },
          { additionalProperties: false },
        ),
        response: { 200: Type.String() },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const device = request.query.device?.toUpperCase();
      const { outcome, perSecond, messages = false } = request.query;
      if (messages && device === undefined) throw withoutDevice();
      if ((followers.get(control) ?? 0) >= MAX_FOLLOWERS) {
        throw new Refusal(503, `${MAX_FOLLOWERS} follow uplinks already`, { headers: { 'retry-after': '10' } });
      }
      const lines = new LineStream(reply.raw);
      const ends: (Cancel | null)[] = [];
      const isWanted = (uplink: FollowedUplink): boolean =>
        (device === undefined || uplink.device === device) &&
        (outcome === undefined || uplink.outcome.kind === outcome);
      const mayTell = perSecond === undefined ? () => true : evenPace(clock, perSecond);
      const tell = (uplink: FollowedUplink): void => {
        if (!isWanted(uplink)) return;
        if (mayTell()) lines.write(uplink);
        else lines.leaveOut();
      };
      ends.push(control.follow(id, tell));
      if (messages && device !== undefined) {
        const mayShow = pace(clock, MESSAGES_PER_SECOND, 1000);
        const show = (message: HeardMessage): void => {
          if (mayShow()) lines.write({ message: shown(message) });
          else lines.miss();
        };
        ends.push(control.followMessages(id, device, show));
      }
      const unfollow = (): void => {
        for (const end of ends) end?.();
      };
      if (ends.includes(null)) {
        unfollow();
        throw notFound(`Connection ${id} is not running here`);
      }
      followers.set(control, (followers.get(control) ?? 0) + 1);
      reply.hijack();
      const stream = reply.raw;
      stream.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' });
      stream.flushHeaders();
      stream.on('close', () => {
        unfollow();
        followers.set(control, (followers.get(control) ?? 1) - 1);
      });
      return reply;
    },
  );
}

function withoutDevice(): Refusal {
  const message = 'is allowed only together with `device`: the messages of one device are shown';
  return new Refusal(400, `The query parameter messages ${message}`, {
    errors: [{ pointer: '/messages', message, in: 'query' }],
  });
}

function shown({ payload, ...message }: HeardMessage): object {
  return { ...message, ...(payload.length > MESSAGE_MAX_BYTES ? { tooLarge: payload.length } : payloadOf(payload)) };
}

/** True for at most so many calls of each second, which are spread over it. */
function evenPace(clock: Clock, perSecond: number): () => boolean {
  const steps = Math.min(STEPS_PER_SECOND, perSecond);
  return pace(clock, Math.floor(perSecond / steps), 1000 / steps);
}

/** True for so many calls of each period. */
function pace(clock: Clock, most: number, periodMs: number): () => boolean {
  let period = 0;
  let count = 0;
  return () => {
    const now = Math.floor(clock.monotonic() / periodMs);
    if (now !== period) [period, count] = [now, 0];
    count += 1;
    return count <= most;
  };
}
