// A dry look at a connection's source: subscribes under a name of its own, waits a little for a first uplink, shows what HERE
// would get of it, and ends the session again. Nothing is journalled or sent.
import type { Connection } from '../domain/connection.ts';
import { describeError } from '../domain/errors.ts';
import type { Broker, BrokerMessage } from '../domain/ports/broker.ts';
import type { Chance, Clock } from '../domain/ports/clock.ts';
import type { TestStep, TriedUplink } from '../domain/ports/desk.ts';

export interface SourceLookOptions {
  readonly broker: (name: string) => Broker | null;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly explain: (connection: Connection, message: BrokerMessage) => TriedUplink;
}

export type SourceLook = (connection: Connection, listenMs: number, signal: AbortSignal) => Promise<TestStep>;

const CONNECT_MS = 5_000;
const CLEAR_MS = 3_000;

type Seen =
  | { readonly kind: 'message'; readonly message: BrokerMessage }
  | { readonly kind: 'silent' }
  | { readonly kind: 'down'; readonly reason: string };

export function createSourceLook(options: SourceLookOptions): SourceLook {
  return async (connection, listenMs, signal) => {
    const { broker: name, topics } = connection.source;
    const step = 'source' as const;
    const broker = options.broker(name);
    if (broker === null) return { step, result: 'failed', message: `There is no broker "${name}".` };
    if (broker.kind === 'kafka') {
      const message = `The broker "${name}" is Kafka: look with \`here-bridge topics check\`.`;
      return { step, result: 'skipped', message };
    }
    const seen = await listen(options, broker, topics, listenMs, signal);
    const where = `${topics.join(', ')} on "${name}"`;
    if (seen.kind === 'down')
      return { step, result: 'failed', message: `No subscription to ${where}: ${seen.reason}.` };
    if (seen.kind === 'silent') {
      const message = `Subscribed to ${where}; nothing came within ${listenMs} ms.`;
      return { step, result: 'warning', message };
    }
    const uplink = options.explain(connection, seen.message);
    const details = { topic: seen.message.topic, uplink };
    const words = uplink.outcome === null ? 'HERE would get it' : `it would be ${uplink.outcome.kind}`;
    return { step, result: 'ok', message: `A first uplink came on ${seen.message.topic}: ${words}.`, details };
  };
}

async function listen(
  { clock, chance }: SourceLookOptions,
  broker: Broker,
  topics: readonly string[],
  listenMs: number,
  signal: AbortSignal,
): Promise<Seen> {
  const seen = Promise.withResolvers<Seen>();
  let reason = 'no answer';
  let isUp = false;
  const clientId = `here-bridge-test-${chance.uuid()}`;
  const source = broker.openSource(
    { clientId, topics, expectSession: false },
    {
      onMessages: (messages, done) => {
        done(null);
        const message = messages.find(({ retain }) => !retain);
        if (message !== undefined) seen.resolve({ kind: 'message', message });
      },
      onStatus: (status) => {
        if (status.kind === 'up' && !isUp) {
          isUp = true;
          clock.after(listenMs, () => seen.resolve({ kind: 'silent' }));
        } else if (status.kind === 'down') {
          reason = status.reason;
          if (status.fatal) seen.resolve({ kind: 'down', reason });
        }
      },
    },
  );
  const cancel = clock.after(CONNECT_MS, () => {
    if (!isUp) seen.resolve({ kind: 'down', reason });
  });
  signal.addEventListener('abort', () => seen.resolve({ kind: 'silent' }), { once: true });
  try {
    source.start();
    return await seen.promise;
  } catch (error) {
    return { kind: 'down', reason: describeError(error) };
  } finally {
    cancel();
    await source.stop();
    // A session that was never made needs no end.
    if (isUp) await source.clear(CLEAR_MS).catch(() => {});
  }
}
