// What travels with a HERE account from worker to worker is on a topic that others may read: nothing of it in plain bytes.
import { expect, test } from 'vitest';
import { definition, LocalBridge, temporaryFolder, until, untilState, useBroker } from '../support/bridge.ts';
import { recordHere } from '../support/here-recorder.ts';
import { freshName, KAFKA_START_MS, kafkaClient } from '../support/kafka.ts';
import { describeWith } from '../support/requirements.ts';
import { useSandbox } from '../support/sandbox.ts';

interface Bytes {
  readonly key: Buffer;
  readonly value: Buffer;
}

/** All that was ever written to a topic and is still there, with its headers, as a consumer gets it that knows nothing of the bridge. */
async function read(topic: string): Promise<readonly Bytes[]> {
  const kafka = await kafkaClient();
  const admin = kafka.admin();
  await admin.connect();
  const ends = await admin.fetchTopicOffsets(topic);
  await admin.disconnect();
  const left = new Set(ends.filter(({ low, high }) => Number(high) > Number(low)).map(({ partition }) => partition));
  const found: Bytes[] = [];
  if (left.size === 0) return found;
  const consumer = kafka.consumer({ groupId: freshName('reader'), maxWaitTimeInMs: 100 });
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  const all = Promise.withResolvers<void>();
  await consumer.run({
    eachMessage: async ({ partition, message }) => {
      const headers = Object.entries(message.headers ?? {}).flatMap(([name, value]) => [name, String(value)]);
      const value = Buffer.concat([message.value ?? Buffer.alloc(0), Buffer.from(headers.join('\n'))]);
      found.push({ key: message.key ?? Buffer.alloc(0), value });
      const high = ends.find((each) => each.partition === partition)?.high;
      if (Number(message.offset) === Number(high) - 1) left.delete(partition);
      if (left.size === 0) all.resolve();
    },
  });
  await all.promise;
  await consumer.disconnect();
  return found;
}

/** Plain, in another case, as hex, or within base64 of either alphabet wherever it begins. */
function shows(bytes: Buffer, secret: string): boolean {
  const text = bytes.toString('latin1');
  const plain = Buffer.from(secret);
  const base64 = [0, 1, 2].map((before) => {
    // Whole groups only: what is around it changes the ends.
    const shifted = Buffer.concat([Buffer.alloc(before), plain]).toString('base64');
    return shifted.slice(before === 0 ? 0 : 4, Math.floor((plain.length + before) / 3) * 4);
  });
  const forms = [...base64, ...base64.map((each) => each.replaceAll('+', '-').replaceAll('/', '_'))];
  const low = text.toLowerCase();
  return (
    forms.some((form) => text.includes(form)) ||
    [secret.toLowerCase(), plain.toString('hex'), encodeURIComponent(secret).toLowerCase()].some((form) =>
      low.includes(form),
    )
  );
}

describeWith('kafka', 'The topic of the accounts', () => {
  test('shows neither e-mail address nor password nor token after log-ins, renewals and a refused one', {
    timeout: KAFKA_START_MS + 120_000,
  }, async () => {
    const good = { email: 'Tenant.Good@canary.example', password: 'canary-good-Zx81qW' };
    const bad = { email: 'Tenant.Bad@canary.example', password: 'canary-bad-Zx81qW' };
    const sandbox = await useSandbox({
      accounts: [
        { ...good, projects: [{ appId: 'canary-app-good' }] },
        { email: bad.email, password: 'another', projects: [{ appId: 'canary-app-bad' }] },
      ],
      // Renewed every few seconds: refresh tokens are on the topic too.
      tokenLifetimeS: 4,
    });
    const here = await recordHere(sandbox.url);
    const prefix = freshName('bridge');
    const bridge = await LocalBridge.start({
      dataDir: temporaryFolder(),
      broker: await useBroker('kafka'),
      services: { sandbox: { url: here.url } },
      settings: { topics: { prefix }, ownership: { partitions: 4 }, secrets: { key: 'ab'.repeat(32) } },
    });
    await bridge.apply('good', definition({ ...good, appId: 'canary-app-good', source: { topics: ['none-such'] } }));
    await bridge.apply('bad', definition({ ...bad, appId: 'canary-app-bad', source: { topics: ['none-such'] } }));
    await untilState(bridge, 'good', 'OPENED', 60_000);
    await untilState(bridge, 'bad', 'AUTHENTICATION_FAILED', 60_000);
    const account = (email: string) => sandbox.accounts().find((each) => each.email === email);
    await until('the token has been renewed', () => (account(good.email)?.refreshes ?? 0) >= 2, 60_000);
    expect(account(bad.email)).toMatchObject({ failedLogIns: 1 });

    const tokens = new Set<string>();
    for (const { headers, body } of here.seen) {
      const [, bearer] = /^Bearer (.+)$/.exec(headers.authorization ?? '') ?? [];
      if (bearer !== undefined) tokens.add(bearer);
      const { refreshToken, accessToken } = body === '' ? {} : JSON.parse(body);
      for (const token of [refreshToken, accessToken]) if (typeof token === 'string') tokens.add(token);
    }
    expect(tokens.size).toBeGreaterThanOrEqual(4);
    // The write is under way when the log-in is answered.
    const accounts = await until('both accounts are on the topic', async () => {
      const records = await read(`${prefix}.accounts`);
      const keys = new Set(records.map(({ key }) => key.toString()).filter((key) => key.startsWith('account.')));
      return keys.size === 2 ? records : null;
    });
    const secrets = [good.email, good.password, bad.email, bad.password, 'tenant.good', 'tenant.bad', ...tokens];
    for (const topic of ['accounts', 'connections', 'status', 'workers', 'events']) {
      const records = topic === 'accounts' ? accounts : await read(`${prefix}.${topic}`);
      // The definitions' e-mail addresses are no secret to those who read definitions.
      const here = topic === 'accounts' ? secrets : secrets.filter((each) => !/tenant/i.test(each));
      const shown = records.flatMap(({ key, value }) =>
        [key, value].flatMap((each) => here.filter((s) => shows(each, s))),
      );
      expect([topic, records.length > 0, shown]).toEqual([topic, true, []]);
    }
  });
});
