// What groups are told, and what not any more: by sources that have stopped, and whose group may be deleted.
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

function brokerOf() {
  return createKafkaBroker(
    kafkaBrokerOptions('127.0.0.1:1', {
      reconnect: { minMs: 5, maxMs: 5 },
      metadataRefreshMs: 20,
      commitIntervalMs: 20,
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
async function deleteGroup(broker: ReturnType<typeof brokerOf>): Promise<void> {
  const nothing = new Listener();
  await broker.openSource({ clientId: GROUP, topics: [TOPIC], expectSession: false }, nothing).clear(5_000);
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
