// A process of its own with an embedded broker, so that a test can kill it: prints its port when it listens.
import { createEmbeddedBroker } from '../../src/brokers/embedded.ts';
import { systemClock } from '../../src/ops/clock.ts';

const broker = createEmbeddedBroker({
  name: 'child',
  port: 0,
  storeFile: process.argv[2] ?? null,
  clock: systemClock,
});
await broker.start();
const publisher = broker.openPublisher({
  clientId: 'worker',
  will: { topic: 'worker/heartbeat', payload: 'gone', retain: true },
});
publisher.onStatus(({ up }) => {
  if (!up) return;
  publisher.publish('worker/heartbeat', 'here', { retain: true }).then(
    () => console.log(broker.port),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
publisher.start();
