// A take-over by a worker on another disk, and back: it learns by topic how far the commands of the connection are handled. None
// that came meanwhile is missed, none that was handled is published again, and reports on the other's downlinks count.
import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { BridgeChild, definition, temporaryFolder, until, untilState, useBroker } from '../support/bridge.ts';
import { Application, type Downlink, Network } from '../support/commands.ts';
import { freshName, KAFKA_START_MS, kafkaBrokers } from '../support/kafka.ts';
import { describeWith, findProgram } from '../support/requirements.ts';
import { useSandbox } from '../support/sandbox.ts';

const DEVICE = '70B3D50000000001';
const OTHER = '70B3D50000000002';

async function setUp() {
  const sandbox = await useSandbox();
  const mosquitto = await useBroker('mosquitto');
  const prefix = freshName('bridge');
  const bootstrap = (await kafkaBrokers()).split(',');
  const worker = () =>
    new BridgeChild({
      dataDir: temporaryFolder(),
      broker: mosquitto,
      services: { sandbox: { url: sandbox.url } },
      settings: {
        brokers: { main: mosquitto.setting, log: { kind: 'kafka', bootstrap, metadataRefreshMs: 300 } },
        topics: { broker: 'log', prefix },
        sources: { broker: 'main' },
        ownership: { partitions: 4 },
        secrets: { key: 'ab'.repeat(32) },
        downlinks: { pollMinMs: 500, pollMaxMs: 500 },
      },
    });
  const network = await Network.on(mosquitto.url, { clientId: 'network' });
  const open = async (child: BridgeChild): Promise<void> => {
    await child.start();
    await untilState(child, 'a', 'OPENED', 60_000);
    await until('the source is up', async () => (await child.connection('a'))?.status.source?.up, 60_000);
    for (const device of [DEVICE, OTHER]) await network.uplink(device);
  };
  /** What the next worker will read. */
  const isMarked = (device: string, version: number) =>
    until(`version ${version} of ${device} is on the topic`, () => {
      const args = ['-b', bootstrap.join(), '-C', '-t', `${prefix}.accounts`, '-e', '-q', '-f', '%k %s\n'];
      const lines = String(spawnSync(findProgram('kcat'), args).stdout).split('\n');
      return lines.findLast((line) => line.startsWith('connection.a '))?.includes(`h,${device},${version},`);
    });
  return { sandbox, worker, network, open, isMarked, application: await Application.logIn(sandbox) };
}

describeWith('kafka', 'Commands of a connection that another worker takes over', () => {
  describeWith('mosquitto', 'with sources on a Mosquitto', () => {
    describeWith('kcat', 'with kcat to look at the topic', () => {
      test('are neither missed nor published again, on another disk and back', {
        timeout: KAFKA_START_MS + 240_000,
      }, async () => {
        const { sandbox, worker, network, open, isMarked, application } = await setUp();
        const first = worker();
        await first.start();
        const { email, password, appIds } = sandbox;
        await first.apply('a', definition({ email, password, appId: appIds[0], downlinkPort: 2 }));
        await untilState(first, 'a', 'OPENED', 60_000);
        await until('the source is up', async () => (await first.connection('a'))?.status.source?.up);
        for (const device of [DEVICE, OTHER]) await network.uplink(device);
        await until('HERE knows both', () =>
          [DEVICE, OTHER].every((device) => sandbox.device(appIds[0] as string, device)?.accepted),
        );
        const payloads = () => network.downlinks.map(({ body }) => body.payload_hex);
        const heard = (payload: string): Promise<Downlink> =>
          until(
            `${payload} is heard`,
            () => network.downlinks.find(({ body }) => body.payload_hex === payload),
            60_000,
          );

        const one = await application.desire(DEVICE, { payload: { payload_hex: '01' } });
        await application.desire(OTHER, { payload: { payload_hex: '02' } });
        const onDevice = await heard('01');
        await heard('02');
        await isMarked(DEVICE, one);
        await first.kill();

        // It comes while nobody looks.
        await application.desire(OTHER, { payload: { payload_hex: '03' } });
        const second = worker();
        await open(second);
        await heard('03');
        // The report on what the first worker has published closes its circle.
        await network.sent(onDevice);
        await network.uplink(DEVICE);
        await until('HERE has the version', async () => {
          await network.uplink(DEVICE);
          return (await application.reported(DEVICE)) === one;
        });
        // Another setting is no command for a worker that has never seen the payload either.
        const settings = await application.desire(DEVICE, { system: { rate: { sendMs: 60_000 } } });
        await until('the setting is acknowledged', async () => {
          await network.uplink(DEVICE);
          return (await application.reported(DEVICE)) === settings;
        });
        const four = await application.desire(DEVICE, { payload: { payload_hex: '04' } });
        await heard('04');
        await isMarked(DEVICE, four);
        await second.kill();

        // Back on a disk that knows nothing of 03 and 04.
        await application.desire(OTHER, { payload: { payload_hex: '05' } });
        await open(first);
        await heard('05');
        await application.desire(DEVICE, { payload: { payload_hex: '06' } });
        await heard('06');
        expect(payloads().sort()).toEqual(['01', '02', '03', '04', '05', '06']);
        const ledger = await first.commandLedger('a');
        expect(ledger).toMatchObject({ imbalance: 0, waiting: 0 });
      });
    });
  });
});
