// The circle of a command with all of it on Kafka: kcat, which knows nothing of the bridge, is the network that receives the
// downlinks and reports on them.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import {
  type BridgeSetup,
  definition,
  LocalBridge,
  type Settings,
  temporaryFolder,
  until,
  untilState,
  useBroker,
} from '../support/bridge.ts';
import { cli } from '../support/cli.ts';
import { Application } from '../support/commands.ts';
import { freshName, kafkaBrokers, kafkaClient, makeTopic } from '../support/kafka.ts';
import { describeWith, findProgram } from '../support/requirements.ts';
import { useSandbox } from '../support/sandbox.ts';

const DEVICES = Array.from({ length: 6 }, (_, at) => `70B3D5000000000${at}`);
const DEVICE = DEVICES[0] as string;

interface Received {
  readonly partition: number;
  readonly key: string;
  readonly body: Readonly<Record<string, unknown>>;
}

class KafkaNetwork {
  readonly uplinks: string;
  readonly downlinks: string;
  readonly #brokers: string;

  constructor(brokers: string, uplinks: string, downlinks: string) {
    this.#brokers = brokers;
    this.uplinks = uplinks;
    this.downlinks = downlinks;
  }

  received(): readonly Received[] {
    const { stdout } = this.#kcat(['-C', '-t', this.downlinks, '-e', '-q', '-f', '%p\t%k\t%s\n']);
    return stdout
      .split('\n')
      .filter((line) => /^\d+\t/.test(line))
      .map((line) => {
        const [partition, key = '', message = ''] = line.split('\t');
        const { DevEUI_downlink: body } = JSON.parse(message) as { DevEUI_downlink: Received['body'] };
        return { partition: Number(partition), key, body };
      });
  }

  publish(device: string, message: object): void {
    const { status, stderr } = this.#kcat(['-P', '-t', this.uplinks, '-k', device], JSON.stringify(message));
    if (status !== 0) throw new Error(`kcat ended with ${status}: ${stderr}`);
  }

  uplink(device: string): void {
    const body = { Time: new Date().toISOString(), DevEUI: device, FPort: 1, payload: { temperature: 20 } };
    this.publish(device, { DevEUI_uplink: body });
  }

  #kcat(args: readonly string[], input = '') {
    return spawnSync(findProgram('kcat'), ['-b', this.#brokers, ...args], { input, encoding: 'utf8' });
  }
}

async function setUp(more: Settings = {}) {
  const sandbox = await useSandbox();
  const broker = await useBroker('kafka');
  const uplinks = await makeTopic(freshName('things.uplink'), { partitions: 3 });
  const downlinks = freshName('things.downlink');
  const { email, password, appIds } = sandbox;
  const account = { email, password, appId: appIds[0], downlinkPort: 2, source: { topics: [uplinks] } };
  const setup: BridgeSetup = {
    dataDir: temporaryFolder(),
    broker,
    services: { sandbox: { url: sandbox.url } },
    settings: {
      topics: { prefix: freshName('bridge') },
      secrets: { key: 'ab'.repeat(32) },
      downlinks: { pollMinMs: 500, pollMaxMs: 500, kafkaTopic: downlinks },
      ...more,
    },
  };
  const network = new KafkaNetwork(await kafkaBrokers(), uplinks, downlinks);
  const { dataDir, services, settings } = setup;
  const config = path.join(temporaryFolder(), 'config.json');
  const here = { defaultService: 'sandbox', services };
  writeFileSync(config, JSON.stringify({ dataDir, brokers: { main: broker.setting }, here, ...settings }));
  return { sandbox, account, setup, network, config, application: await Application.logIn(sandbox) };
}

async function open(setup: BridgeSetup, account: Settings): Promise<LocalBridge> {
  const bridge = await LocalBridge.start(setup);
  await until('the config topic is read', () => bridge.bridge.control.worker().ready);
  await bridge.apply('a', definition(account));
  await untilState(bridge, 'a', 'OPENED');
  await until('its source is up', async () => (await bridge.connection('a'))?.status.source?.up);
  return bridge;
}

const commandsOf = ({ bridge }: LocalBridge) => bridge.control.commands;

describeWith('kafka', 'Commands on Kafka', () => {
  describeWith('kcat', 'with kcat as the network', () => {
    test('a missing topic is told at the start; made, it takes what waited, and the whole circle closes', async () => {
      const { sandbox, account, setup, network, config, application } = await setUp();
      const { downlinks } = network;
      const bridge = await open(setup, account);
      const told = await until('it is told', async () =>
        (await bridge.events('a')).find(({ kind }) => kind === 'downlinkTopicMissing'),
      );
      expect(told.message).toContain(`there is no topic "${downlinks}"`);
      expect(told.message).toContain(`--create --topic ${downlinks}`);
      const check = await cli(['topics', 'check', '--config', config, '--json']);
      const line = (out: string) => out.split('\n').find((each) => each.includes(downlinks)) ?? '{}';
      expect(check.code).toBe(1);
      expect(JSON.parse(line(check.out))).toMatchObject({ topic: downlinks, state: 'missing' });
      const doctor = await cli(['doctor', '--config', config, '--json']);
      expect(JSON.parse(line(doctor.out))).toMatchObject({ what: `downlink topic ${downlinks}`, ok: false });

      network.uplink(DEVICE);
      await until('HERE knows the device', () => sandbox.device(sandbox.appIds[0] as string, DEVICE)?.accepted);
      const version = await application.desire(DEVICE, { payload: { payload_hex: '01ff' } });
      await until('it waits', () => commandsOf(bridge).ledger('a')?.ledger.waiting === 1);
      const create = await cli(['topics', 'create', '--config', config, '--json']);
      expect({ code: create.code, ...JSON.parse(line(create.out)) }).toMatchObject({ code: 0, state: 'created' });
      onTestFinished(async () => {
        const admin = (await kafkaClient()).admin();
        await admin.deleteTopics({ topics: [downlinks] }).catch(() => {});
        await admin.disconnect();
      });

      const downlink = await until('the downlink', () => network.received()[0], 40_000);
      expect(downlink).toMatchObject({ key: DEVICE, body: { DevEUI: DEVICE, FPort: 2, payload_hex: '01ff' } });
      const { FPort, CorrelationID } = downlink.body;
      const report = { Time: new Date().toISOString(), DevEUI: DEVICE, FPort, CorrelationID, DeliveryStatus: 1 };
      network.publish(DEVICE, { DevEUI_downlink_Sent: report });
      await until('it is sent', () => commandsOf(bridge).list('a', { limit: 1 })?.commands[0]?.state === 'sent');
      network.uplink(DEVICE);
      await until('HERE has the version', async () => (await application.reported(DEVICE)) === version);
      await until('it is confirmed', () => commandsOf(bridge).ledger('a')?.ledger.fates.confirmed === 1);
      expect(network.received()).toHaveLength(1);
      expect((await cli(['topics', 'check', '--config', config])).code).toBe(0);
    }, 120_000);

    test('the downlinks of a device are in one partition, in their order', async () => {
      const { sandbox, account, setup, network, application } = await setUp();
      await makeTopic(network.downlinks, { partitions: 4 });
      const bridge = await open(setup, account);
      for (const device of DEVICES) network.uplink(device);
      await until('HERE knows the devices', () =>
        DEVICES.every((device) => sandbox.device(sandbox.appIds[0] as string, device)?.accepted),
      );
      for (let round = 1; round <= 3; round++) {
        for (const device of DEVICES) await application.desire(device, { payload: { payload_hex: `0${round}` } });
        const wanted = round * DEVICES.length;
        await until(`round ${round}`, () => commandsOf(bridge).ledger('a')?.ledger.published === wanted);
      }
      const received = network.received();
      for (const device of DEVICES) {
        const own = received.filter(({ key }) => key === device);
        expect(own.map(({ body }) => body.payload_hex)).toEqual(['01', '02', '03']);
        expect(new Set(own.map(({ partition }) => partition)).size).toBe(1);
      }
      expect(new Set(received.map(({ partition }) => partition)).size).toBeGreaterThan(1);
      expect((await bridge.events('a')).map(({ kind }) => kind)).not.toContain('downlinkTopicMissing');
    }, 120_000);
  });

  test('a name that Kafka does not know is refused with the definition; a connection may name its own', async () => {
    const { account, setup } = await setUp();
    const bridge = await open(setup, account);
    for (const downlinkTopicPattern of ['mqtt/things/{DevEUI}/downlink', 'downlinks.{DevEUI}', '..', 'x'.repeat(250)]) {
      const outcome = await bridge.bridge.control.apply('b', definition({ ...account, downlinkTopicPattern }));
      expect(outcome).toMatchObject({
        kind: 'invalid',
        errors: [
          {
            pointer: '/configuration/downlinkTopicPattern',
            message: expect.stringContaining('where the broker is Kafka'),
          },
        ],
      });
    }
    const own = freshName('own.downlinks');
    await bridge.apply('b', definition({ ...account, downlinkTopicPattern: own }));
    await untilState(bridge, 'b', 'OPENED');
    const told = await until('its own topic is looked for', async () =>
      (await bridge.events('b')).find(({ kind }) => kind === 'downlinkTopicMissing'),
    );
    expect(told.message).toContain(`"${own}"`);
  }, 60_000);
});
