// The fleet's Kafka client against a real cluster.
import { expect, test } from 'vitest';
import { fleetKafka } from '../../../src/bridge/fleet-kafka.ts';
import { systemClock } from '../../../src/ops/clock.ts';
import { TELEMETRY_ONLY } from '../../../src/sandbox/fleet/fleet.ts';
import { startKafkaFleet } from '../../../src/sandbox/fleet/kafka-publisher.ts';
import { cli } from '../../support/cli.ts';
import { freshName, KAFKA_START_MS, kafkaBrokers, kafkaClient, makeTopic } from '../../support/kafka.ts';
import { describeWith } from '../../support/requirements.ts';

const connectTo = (address: string) => fleetKafka(address, systemClock);

describeWith('kafka', 'A fleet on Kafka', () => {
  test(
    'what it counts as acknowledged is on the topic, by device and in order',
    async () => {
      const topic = await makeTopic(freshName('fleet'), { partitions: 3 });
      const sent: string[] = [];
      const fleet = startKafkaFleet({
        brokerUrl: `kafka://${await kafkaBrokers()}/${topic}`,
        connectTo,
        seed: 8,
        devices: 10,
        ratePerSecond: 1000,
        total: 200,
        mix: TELEMETRY_ONLY,
        clock: systemClock,
        onAcknowledged: ({ devEui, payload }) => sent.push(`${devEui} ${payload}`),
      });
      expect(await fleet.done).toMatchObject({ published: 200, acknowledged: 200, failed: 0, unanswered: 0 });

      const found: string[] = [];
      const consumer = (await kafkaClient()).consumer({ groupId: freshName('reader') });
      await consumer.connect();
      await consumer.subscribe({ topic, fromBeginning: true });
      await consumer.run({ eachMessage: async ({ message }) => void found.push(`${message.key} ${message.value}`) });
      await expect.poll(() => found.length, { timeout: 20_000 }).toBe(200);
      await consumer.disconnect();
      const ofDevice = (all: readonly string[], device: string) => all.filter((each) => each.startsWith(device));
      const devices = new Set(sent.map((each) => each.split(' ')[0] as string));
      expect(devices.size).toBe(10);
      for (const device of devices) expect(ofDevice(found, device)).toEqual(ofDevice(sent, device));
    },
    KAFKA_START_MS,
  );
});

test('a cluster that is not there is told', async () => {
  const fleet = startKafkaFleet({
    ...{
      brokerUrl: 'kafka://127.0.0.1:1/uplinks',
      connectTo,
      seed: 1,
      devices: 1,
      ratePerSecond: 1,
      clock: systemClock,
    },
    connectTimeoutMs: 200,
  });
  await expect(fleet.done).rejects.toMatchObject({ code: 'brokerUnreachable' });
});

test.each([
  [['--broker-url', 'kafka://127.0.0.1:9092'], 'kafka://host:port/topic'],
  [['--broker-url', 'kafka://127.0.0.1:9092/uplinks', '--username', 'u'], 'username: for MQTT alone'],
])('%j is refused', async (args, message) => {
  const { code, err } = await cli(['fleet', ...args]);
  expect(code).toBe(64);
  expect(err).toContain(message);
});
