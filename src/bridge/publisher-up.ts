// Tries whether a broker lets the bridge in: one connection, closed again.
import type { Broker } from '../domain/ports/broker.ts';
import type { Clock } from '../domain/ports/clock.ts';

export interface TryOptions {
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  /** The first failure is the answer; else it is tried again for as long as there is time. */
  readonly once?: boolean;
}

/** Null: connected; else the broker's reason. */
export async function publisherUp(
  broker: Broker,
  clientId: string,
  { clock, timeoutMs, signal, once = false }: TryOptions,
): Promise<string | null> {
  const publisher = broker.openPublisher({ clientId });
  const done = Promise.withResolvers<string | null>();
  let reason = 'no answer';
  publisher.onStatus((status) => {
    if (status.up) done.resolve(null);
    else reason = status.reason ?? reason;
    if (once && !status.up) done.resolve(reason);
  });
  const end = (): void => done.resolve(reason);
  const cancel = clock.after(timeoutMs, end);
  signal?.addEventListener('abort', end, { once: true });
  publisher.start();
  try {
    return await done.promise;
  } finally {
    cancel();
    signal?.removeEventListener('abort', end);
    await publisher.stop();
  }
}
