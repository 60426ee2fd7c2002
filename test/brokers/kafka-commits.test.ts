// What groups are told, and what not any more: by sources whose group may be deleted, or another worker's by now.
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { createKafkaBroker } from '../../src/brokers/kafka.ts';
import type { SourceOptions } from '../../src/domain/ports/broker.ts';
import { kafkaBrokerOptions } from '../support/kafka-options.ts';
import { connectAll, GroupKafka, Listener, TOPIC } from './fake-kafka.ts';
import { until } from './outside.ts';

const GROUP = 'deleted';

let kafka: GroupKafka;
beforeEach(() => {
  kafka = new GroupKafka(1);
  connectAll(() => kafka);
});
afterEach(() => {
  vi.restoreAllMocks();
});

function brokerOf(commitIntervalMs = 20) {
  return createKafkaBroker(
    kafkaBrokerOptions('127.0.0.1:1', {
      reconnect: { minMs: 5, maxMs: 5 },
      metadataRefreshMs: 20,
      commitIntervalMs,
    }),
  );
}

function open(broker: ReturnType<typeof brokerOf>, clientId: string, more: Partial<SourceOptions> = {}) {
  const listener = new Listener();
  const options = { clientId, topics: [TOPIC], expectSession: false, from: 'earliest' as const, ...more };
  const source = broker.openSource(options, listener);
  onTestFinished(async () => {
    kafka.isReachable = false;
    await source.stop();
  });
  source.start();
  return { source, listener };
}

/** As it is done for a connection that is deleted: by a source of its own. */
async function deleteGroup(broker: ReturnType<typeof brokerOf>, clientId = GROUP): Promise<void> {
  const nothing = new Listener();
  await broker.openSource({ clientId, topics: [TOPIC], expectSession: false }, nothing).clear(5_000);
}

describe('The group of a deleted connection', () => {
  test('is not made anew by a commit that had to wait for another', async () => {
    const broker = brokerOf();
    const other = open(broker, 'other');
    await other.listener.up();
    const deleted = open(broker, GROUP);
    await deleted.listener.up();
    kafka.hold('OffsetCommit', 'other');
    kafka.write(0, 'a');
    await until('the commit of the other hangs', () => kafka.isHolding);
    await until('there is something to commit', () => deleted.listener.texts.includes('a'));
    await deleted.source.stop();
    await deleteGroup(broker);
    kafka.release();
    await until('the other has committed', () => kafka.standsAt('other') === 1);
    kafka.write(0, 'b');
    await until('and once more', () => kafka.standsAt('other') === 2);
    expect(kafka.standsAt(GROUP)).toBe(null);
  }, 30_000);

  test('is not made anew by an opening that was under way', async () => {
    const broker = brokerOf();
    const other = open(broker, 'other');
    await other.listener.up();
    kafka.hold('OffsetFetch', GROUP);
    const deleted = open(broker, GROUP);
    await until('its opening hangs', () => kafka.isHolding);
    await deleted.source.stop();
    await deleteGroup(broker);
    kafka.release();
    kafka.write(0, 'a');
    await until('the other has committed', () => kafka.standsAt('other') === 1);
    expect(kafka.standsAt(GROUP)).toBe(null);
  }, 30_000);
});

describe('A worker that was frozen, or is cut off from the others', () => {
  const SHARED = 'shared';
  const ROUNDS_MS = 200;
  const rounds = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, ROUNDS_MS));

  /** `first` has taken 100 and settles them only now; `second` has settled 200 meanwhile. */
  async function takenOver(commitIntervalMs?: number) {
    const owner = { isFirst: true };
    const first = open(brokerOf(commitIntervalMs), SHARED, { mayConnect: () => owner.isFirst });
    await first.listener.up();
    first.listener.holding = true;
    kafka.write(0, ...Array.from({ length: 100 }, (_, n) => `${n}`));
    await until('100 are taken', () => first.listener.texts.length === 100);
    first.source.pause();
    owner.isFirst = false;
    kafka.write(0, ...Array.from({ length: 100 }, (_, n) => `${100 + n}`));
    const secondBroker = brokerOf();
    const second = open(secondBroker, SHARED, { mayConnect: () => !owner.isFirst });
    await until('the successor has committed', () => kafka.standsAt(SHARED) === 200);
    first.listener.holding = false;
    first.listener.settle();
    return { owner, first, second, secondBroker };
  }

  test('tells its group nothing', async () => {
    const { first } = await takenOver();
    await rounds();
    await first.source.stop();
    expect(kafka.standsAt(SHARED)).toBe(200);
  });

  test('does not set it back when it is the owner again, and goes on once it has come as far', async () => {
    const { owner, first, second } = await takenOver();
    await rounds();
    await second.source.stop();
    owner.isFirst = true;
    await rounds();
    expect(kafka.standsAt(SHARED)).toBe(200);
    first.source.resume();
    kafka.write(0, 'more');
    await until('it commits again', () => kafka.standsAt(SHARED) === 201);
  });

  test('does not set it back when it stops because it has lost it, before any round of commits', async () => {
    const { owner, first } = await takenOver(60_000);
    // The group of workers has answered it: of others it is the owner.
    owner.isFirst = true;
    await first.source.stop();
    expect(kafka.standsAt(SHARED)).toBe(200);
  });

  test('does not make it anew where its successor has deleted it', async () => {
    const { owner, first, second, secondBroker } = await takenOver(60_000);
    await second.source.stop();
    await deleteGroup(secondBroker, SHARED);
    owner.isFirst = true;
    await first.source.stop();
    expect(kafka.standsAt(SHARED)).toBe(null);
  });
});

test('a worker that is the owner says as it stops what it has settled', async () => {
  const { source, listener } = open(brokerOf(60_000), GROUP, { mayConnect: () => true });
  await listener.up();
  kafka.write(0, 'a', 'b');
  await until('they are taken', () => listener.texts.length === 2);
  expect(kafka.standsAt(GROUP)).toBe(0);
  await source.stop();
  expect(kafka.standsAt(GROUP)).toBe(2);
});
