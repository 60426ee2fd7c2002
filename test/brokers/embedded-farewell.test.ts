// The embedded broker stops: what a journal was just keeping is still acknowledged to its publisher.
import mqtt from 'mqtt';
import { expect, onTestFinished, test } from 'vitest';
import { createEmbeddedBroker } from '../../src/brokers/embedded.ts';
import { systemClock } from '../../src/ops/clock.ts';

test('publishes that are being kept are acknowledged before the connections end, while others keep coming', async () => {
  const broker = createEmbeddedBroker({ name: 'main', port: 0, storeFile: null, clock: systemClock });
  await broker.start();
  const keeping: (() => void)[] = [];
  const kept: string[] = [];
  const source = broker.openSource(
    { clientId: 'journal', topics: ['up/+'], expectSession: false },
    {
      onMessages: (messages, done) => {
        keeping.push(() => {
          for (const { payload } of messages) kept.push(payload.toString());
          done(null);
        });
      },
      onStatus: () => {},
    },
  );
  source.start();
  const client = await mqtt.connectAsync(broker.url, { reconnectPeriod: 0, protocolVersion: 4 });
  onTestFinished(() => client.endAsync(true));
  const acknowledged: string[] = [];
  let sent = 0;
  const publish = (): void => {
    const text = String(sent++);
    client.publish('up/1', text, { qos: 1 }, (error) => {
      if (!error) acknowledged.push(text);
    });
  };
  for (let n = 0; n < 50; n++) publish();
  await expect.poll(() => keeping.length).toBeGreaterThan(0);

  const stopped = broker.stop();
  // More arrive all the while, and nobody reads them any more; then the journal has what it was given.
  for (let n = 0; n < 50; n++) publish();
  const closed = new Promise<void>((resolve) => client.once('close', () => resolve()));
  setTimeout(() => {
    for (const keep of keeping.splice(0)) keep();
  }, 50);
  await stopped;
  await closed;
  expect(kept.length).toBeGreaterThan(0);
  expect(acknowledged).toEqual(kept);
});

test('a journal that keeps nothing, and a client that does not hang up, hold it up for no longer than a second', async () => {
  const broker = createEmbeddedBroker({ name: 'main', port: 0, storeFile: null, clock: systemClock });
  await broker.start();
  const offered = Promise.withResolvers<void>();
  const listener = { onMessages: () => offered.resolve(), onStatus: () => {} };
  broker.openSource({ clientId: 'journal', topics: ['up/+'], expectSession: false }, listener).start();
  const client = await mqtt.connectAsync(broker.url, { reconnectPeriod: 0, protocolVersion: 4 });
  onTestFinished(() => client.endAsync(true));
  client.publish('up/1', 'x', { qos: 1 }, () => {});
  await offered.promise;
  const begun = performance.now();
  await broker.stop();
  expect(performance.now() - begun).toBeLessThan(1500);
});
