// The headers of a Kafka record that became a dead letter: shown, exported, published, and kept over a replay that fails.
import { expect, test } from 'vitest';
import { apiClient } from '../support/api.ts';
import { definition, LocalBridge, temporaryFolder, until, untilState, useBroker } from '../support/bridge.ts';
import { cli } from '../support/cli.ts';
import { freshName, kafkaClient, makeTopic } from '../support/kafka.ts';
import { describeWith } from '../support/requirements.ts';
import { useSandbox } from '../support/sandbox.ts';

const DEVICE = '70B3D50000000001';

describeWith('kafka', 'The headers of a Kafka record', () => {
  test('are in its dead letter, in exports, and in the dead letter of a replay that HERE refuses', async () => {
    const sandbox = await useSandbox();
    const broker = await useBroker('kafka');
    const topic = await makeTopic(freshName('uplinks'), { partitions: 1 });
    const { email, password, appIds } = sandbox;
    const dataDir = temporaryFolder();
    const services = { sandbox: { url: sandbox.url } };
    const settings = { topics: { prefix: freshName('bridge') }, secrets: { key: 'ab'.repeat(32) } };
    const bridge = await LocalBridge.start({ dataDir, broker, services, settings });
    await until('the config topic is read', () => bridge.bridge.control.worker().ready);
    await bridge.apply('a', definition({ email, password, appId: appIds[0], source: { topics: [topic] } }));
    await untilState(bridge, 'a', 'OPENED');
    await until('its source is up', async () => (await bridge.connection('a'))?.status.source?.up);
    const producer = (await kafkaClient()).producer();
    await producer.connect();
    const headers = { traceparent: '00-4bf92f-00f067-01', bytes: Buffer.from([0xff, 0x00]) };
    const messages = [
      { key: DEVICE, value: 'no JSON', headers },
      { key: DEVICE, value: 'none either' },
    ];
    await producer.send({ topic, messages });
    await producer.disconnect();

    const call = apiClient(bridge.bridge.health.url);
    const listed = await until('both are dead letters', async () => {
      const { body } = await call('GET', '/connections/a/dead-letters');
      return body.totals.count === 2 ? body : null;
    });
    const [bare, id] = listed.letters.map((letter: { id: number }) => letter.id);
    const kept = [
      { name: 'traceparent', value: '00-4bf92f-00f067-01' },
      { name: 'bytes', valueBase64: '/wA=' },
    ];
    const detail = async (letter: number) => (await call('GET', `/connections/a/dead-letters/${letter}`)).body.detail;
    expect((await detail(id)).headers).toEqual(kept);
    expect((await detail(bare)).headers).toBeUndefined();
    // A list does without them.
    expect(listed.letters.map(({ detail }: { detail: object }) => Object.hasOwn(detail, 'headers'))).toEqual([
      false,
      false,
    ]);
    const run = (...args: string[]) =>
      cli([...args, '--data-dir', dataDir], { cwd: dataDir, signal: new AbortController().signal });
    const shown = await run('dead-letters', 'show', 'a', String(id));
    expect(shown.out).toMatch(/header +traceparent: 00-4bf92f-00f067-01\n.*header +bytes: \(base64\) \/wA=\n/s);
    const exported = (await run('dead-letters', 'export', 'a')).out.trim().split('\n');
    expect(exported.map((line) => JSON.parse(line).detail.headers)).toEqual([kept, undefined]);

    // Mended, and refused by HERE all the same.
    const uplink = { Time: new Date().toISOString(), DevEUI: DEVICE, FPort: 1, payload: { temperature: 20 } };
    const mended = { payload: JSON.stringify({ DevEUI_uplink: uplink }) };
    await call('PATCH', `/connections/a/dead-letters/${id}`, mended);
    const fault = sandbox.addFault({ name: '400', path: '/v3/batch' });
    await call('POST', '/connections/a/dead-letters/replay', { filter: { ids: [id] } });
    const again = await until('it is a dead letter again', async () => {
      const { letters } = (await call('GET', '/connections/a/dead-letters')).body;
      return letters.find(({ reason }: { reason: string }) => reason === 'refused');
    });
    expect((await detail(again.id)).headers).toEqual(kept);
    sandbox.removeFault(fault);
    await call('POST', '/connections/a/dead-letters/replay', { filter: { ids: [again.id] } });
    await until('HERE has it', () => sandbox.device(appIds[0] as string, DEVICE)?.accepted === 1);
  });
});
