// Following uplinks over the API: of one device as they came, beside what becomes of them; of a busy connection so many a second.
import { expect, onTestFinished, test } from 'vitest';
import { apiClient } from '../support/api.ts';
import { definition, LocalBridge, temporaryFolder, until, untilState, useBroker } from '../support/bridge.ts';
import { BrokerClient } from '../support/broker-client.ts';
import { useSandbox } from '../support/sandbox.ts';

const DEVICE = '0018B20000000B20';
const OTHER = '0018B20000000B21';

function uplink(device: string, n: number): string {
  const payload = { position: { latitude: 48.8, longitude: 2.3, accuracy: 9 } };
  const head = { Time: new Date().toISOString(), DevEUI: device, FPort: 1, FCntUp: n, payload_hex: '00' };
  return JSON.stringify({ DevEUI_uplink: { ...head, payload } });
}

interface Line {
  readonly device?: string;
  readonly missed?: number;
  readonly more?: number;
  readonly message?: {
    readonly time: string;
    readonly device: string;
    readonly topic: string;
    readonly payload?: string;
    readonly tooLarge?: number;
  };
}

/** What a stream has told so far. */
async function follow(url: string): Promise<{ readonly lines: Line[]; hangUp(): void }> {
  const end = new AbortController();
  onTestFinished(() => end.abort());
  const response = await fetch(url, { signal: end.signal });
  expect(response.status).toBe(200);
  const lines: Line[] = [];
  const read = async (): Promise<void> => {
    let rest = '';
    for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      const parts = (rest + chunk).split('\n');
      rest = parts.pop() ?? '';
      lines.push(...parts.map((part) => JSON.parse(part) as Line));
    }
  };
  void read().catch((error: Error) => {
    if (!end.signal.aborted) throw error;
  });
  return { lines, hangUp: () => end.abort() };
}

test('the messages of one device come as they arrived, where they are asked for; those of others do not', async () => {
  const sandbox = await useSandbox();
  const broker = await useBroker('embedded');
  const setup = { dataDir: temporaryFolder(), broker, services: { sandbox: { url: sandbox.url } } };
  const bridge = await LocalBridge.start(setup);
  const { email, password, appIds } = sandbox;
  const topics = { source: { topics: ['a/+/uplink'] } };
  await bridge.apply('a', definition({ email, password, appId: appIds[0], ...topics }));
  await untilState(bridge, 'a', 'OPENED');
  const client = await BrokerClient.connect(broker.url);
  const send = (device: string, text: string) => client.publish(`a/${device}/uplink`, text);
  const api = bridge.bridge.health.url;
  const call = apiClient(api);

  const alone = await call('GET', '/connections/a/tail?messages=true');
  expect(alone).toMatchObject({ status: 400, body: { errors: [{ pointer: '/messages', in: 'query' }] } });
  expect((await call('GET', `/connections/nobody/tail?messages=true&device=${DEVICE}`)).status).toBe(404);

  // Before anybody follows: it is not kept, and does not come later.
  await send(DEVICE, uplink(DEVICE, 1));
  await until('it is delivered', async () => (await bridge.connection('a'))?.ledger?.delivered === 1);
  const plain = await follow(`${api}/connections/a/tail?device=${DEVICE}`);
  const whole = await follow(`${api}/connections/a/tail?device=${DEVICE.toLowerCase()}&messages=true`);
  const text = uplink(DEVICE, 2);
  await send(OTHER, uplink(OTHER, 1));
  await send(DEVICE, text);
  await until('what became of it is told', async () => whole.lines.length >= 2 && plain.lines.length >= 1);
  expect(whole.lines).toMatchObject([
    { message: { device: DEVICE, topic: `a/${DEVICE}/uplink`, payload: text } },
    { device: DEVICE, outcome: { kind: 'delivered' } },
  ]);
  expect(Math.abs(Date.parse(whole.lines[0]?.message?.time ?? '') - Date.now())).toBeLessThan(60_000);
  expect(plain.lines).toMatchObject([{ device: DEVICE, outcome: { kind: 'delivered' } }]);

  // Its size and its pace are bounded.
  await send(DEVICE, uplink(DEVICE, 3).replace('"payload":', `"padding":"${'x'.repeat(300_000)}","payload":`));
  await until('the large one is told', async () => whole.lines.some(({ message }) => message?.tooLarge !== undefined));
  expect(whole.lines.find(({ message }) => message?.tooLarge !== undefined)?.message?.payload).toBeUndefined();
  const before = whole.lines.length;
  await Promise.all(Array.from({ length: 60 }, (_, n) => send(DEVICE, uplink(DEVICE, 4 + n))));
  const told = () => whole.lines.slice(before).filter(({ message }) => message !== undefined).length;
  const missed = () => whole.lines.slice(before).reduce((sum, line) => sum + (line.missed ?? 0), 0);
  await until('all are counted', async () => told() + missed() === 60);
  expect(missed()).toBeGreaterThan(0);

  // A changed definition makes a new line: the page goes on.
  await bridge.apply('a', definition({ email, password, appId: appIds[0], ...topics, sendMetadata: true }));
  await untilState(bridge, 'a', 'OPENED');
  const last = uplink(DEVICE, 99);
  await until('it is heard again', async () => {
    await send(DEVICE, last);
    return whole.lines.some(({ message }) => message?.payload === last);
  });

  // Looking at an uplink changes nothing: it fills no audit.
  await call('POST', '/uplinks/try', { uplink: JSON.parse(last), connectionId: 'a' });
  const audit = (await call('GET', '/audit')).body as { action: string }[];
  expect(audit.filter(({ action }) => action.includes('/uplinks/try'))).toEqual([]);
});

test('of a busy connection so many a second are told as the reader wants, and the others are counted', async () => {
  const sandbox = await useSandbox();
  const broker = await useBroker('embedded');
  const setup = { dataDir: temporaryFolder(), broker, services: { sandbox: { url: sandbox.url } } };
  const bridge = await LocalBridge.start(setup);
  const { email, password, appIds } = sandbox;
  await bridge.apply('a', definition({ email, password, appId: appIds[0], source: { topics: ['a/+/uplink'] } }));
  await untilState(bridge, 'a', 'OPENED');
  const client = await BrokerClient.connect(broker.url);
  const api = bridge.bridge.health.url;
  const refused = await apiClient(api)('GET', '/connections/a/tail?perSecond=0');
  expect(refused).toMatchObject({ status: 400, body: { errors: [{ pointer: '/perSecond', in: 'query' }] } });

  const all = await follow(`${api}/connections/a/tail`);
  const some = await follow(`${api}/connections/a/tail?perSecond=20`);
  const few = await follow(`${api}/connections/a/tail?perSecond=1`);
  const startMs = performance.now();
  await Promise.all(Array.from({ length: 600 }, (_, n) => client.publish(`a/${DEVICE}/uplink`, uplink(DEVICE, n))));
  const told = ({ lines }: typeof some) => lines.filter(({ device }) => device !== undefined).length;
  const more = ({ lines }: typeof some) => lines.reduce((sum, line) => sum + (line.more ?? 0), 0);
  const areCounted = (count: number) => async () =>
    told(some) + more(some) === count && told(few) + more(few) === count && told(all) === count;
  await until('all are counted', areCounted(600));
  expect(told(some)).toBeGreaterThan(0);
  expect(told(some)).toBeLessThanOrEqual(5 * (Math.floor((performance.now() - startMs) / 250) + 2));

  // Not in one moment: several a second, for a reader who wants one.
  const before = told(few);
  const trickleMs = performance.now();
  for (let n = 0; n < 30; n++) {
    await client.publish(`a/${DEVICE}/uplink`, uplink(DEVICE, 600 + n));
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await until('these are counted', areCounted(630));
  expect(told(few)).toBeGreaterThan(before);
  expect(told(few) - before).toBeLessThanOrEqual(Math.floor((performance.now() - trickleMs) / 1000) + 2);
  expect(all.lines.some((line) => 'more' in line || 'missed' in line)).toBe(false);
});
