// The question whether a host is well: how long it waits for an answer.
import { expect, test } from 'vitest';
import type { MakeTransport } from '../../src/here/transport.ts';
import { ManualClock, settle } from '../support/manual-clock.ts';
import { useGateway } from './support.ts';

/** A host that swallows everything. */
const swallows: MakeTransport = () => ({
  exchange: ({ signal }) =>
    new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true })),
  destroy: async () => {},
});

async function waited(timeoutMs: number): Promise<number> {
  const clock = new ManualClock();
  const gateway = useGateway({
    ...{ url: 'https://here.example', clock, service: { timeoutMs }, more: { transport: swallows } },
  });
  const asking = gateway.isHealthy('here', new AbortController().signal);
  let answer: boolean | null = null;
  void asking.then((healthy) => {
    answer = healthy;
  });
  while (answer === null) {
    await clock.advance(500);
    await settle();
  }
  expect(answer).toBe(false);
  return clock.monotonic();
}

test('it is given up sooner than a request with records', async () => {
  expect(await waited(30_000)).toBe(10_000);
});

test('it is given up with a service that is asked to be quick', async () => {
  expect(await waited(2_000)).toBe(2_000);
});
