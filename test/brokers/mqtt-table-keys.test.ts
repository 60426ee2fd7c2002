// A table on MQTT under whose prefix somebody has published more than any table of the bridge's has.
import { createServer } from 'node:net';
import { Aedes } from 'aedes';
import { expect, onTestFinished, test } from 'vitest';
import { createMqttBroker } from '../../src/brokers/mqtt.ts';
import { systemChance, systemClock } from '../../src/ops/clock.ts';
import { outside, RecordingTable, until } from './outside.ts';

test('it is down, says where and what to do, and is up again when some are deleted', async () => {
  const aedes = await Aedes.createBroker();
  const server = createServer(aedes.handle);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    server.close();
    await new Promise<void>((resolve) => aedes.close(resolve));
  });
  const address = server.address();
  const url = `mqtt://127.0.0.1:${address !== null && typeof address === 'object' ? address.port : 0}`;
  const sender = await outside(url);
  onTestFinished(() => sender.endAsync(true));
  const publish = (key: string, text: string) => sender.publishAsync(`full/${key}`, text, { qos: 1, retain: true });
  for (const key of ['a', 'b', 'x'.repeat(300)]) await publish(key, '1');

  const reconnect = { minMs: 10, maxMs: 10, refusedMs: 100 };
  const broker = createMqttBroker({ name: 'full', url, clock: systemClock, chance: systemChance, reconnect });
  const listener = new RecordingTable();
  const table = broker.openTable({ prefix: 'full', settleMs: 50, maxKeys: 2 }, listener);
  onTestFinished(() => table.stop());
  table.start();
  await until('the snapshot has come', () => listener.snapshots.length === 1);
  // The long one is heard, but it is no key of anything.
  expect(listener.records).toHaveLength(3);
  expect(listener.snapshots[0]).toEqual(['a', 'b']);

  await publish('c', '1');
  await until('it is told', () => listener.statuses.at(-1)?.up === false);
  const { reason, fatal } = listener.statuses.at(-1) as RecordingTable['statuses'][number];
  expect(fatal).toBe(true);
  expect(reason).toMatch(
    /^more than 2 retained messages are under "full\/": delete those that are none of the bridge's/,
  );
  expect(listener.records).toHaveLength(3);

  await publish('a', '');
  await until('it is read again', () => listener.snapshots.length === 2);
  expect(listener.snapshots[1]).toEqual(['b', 'c']);
});
