// `convert`: definitions made of IoT Flow's connections, of HTTP sinks and of Bento configurations; what is not carried is named.
import { describe, expect, test } from 'vitest';
import { cli } from '../support/cli.ts';

async function convert(value: unknown, ...options: string[]) {
  const { code, out, err } = await cli(['convert', '-', ...options], { stdin: JSON.stringify(value) });
  const notes = err
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.replace('here-bridge: ', ''));
  return { code, definition: out === '' ? null : JSON.parse(out), notes };
}

const CONNECTION = {
  id: '42',
  connectorId: 'actility-here-iot',
  name: 'My first HERE connection',
  active: true,
  state: 'OPENED',
  startupTime: '2026-11-01T08:00:00Z',
  alarms: [],
  configuration: {
    email: 'somebody@example.com',
    password: 'MyHerePassword',
    appId: 'ya5f66oj2vau1EGMvREK',
    description: '',
    uplinkTimeValidity: '3d12h',
    reconnectStrategy: 'CALM',
  },
};

describe("A connection in IoT Flow's JSON", () => {
  test('is carried whole; its state is none of its settings', async () => {
    expect(await convert(CONNECTION)).toEqual({
      code: 0,
      notes: [],
      definition: {
        id: '42',
        connectorId: 'actility-here-iot',
        name: 'My first HERE connection',
        active: true,
        configuration: {
          email: 'somebody@example.com',
          password: 'MyHerePassword',
          appId: 'ya5f66oj2vau1EGMvREK',
          uplinkTimeValidity: '3d12h',
          reconnectStrategy: 'CALM',
        },
      },
    });
  });

  test('with a masked password, an unknown field and flows is carried as far as it goes, and each is named', async () => {
    const { code, definition, notes } = await convert({
      ...CONNECTION,
      id: 'a b',
      flows: [{ matchers: [] }],
      configuration: { ...CONNECTION.configuration, password: '*****', sendMetaData: true, colour: 'blue' },
    });
    expect(code).toBe(1);
    expect(definition.id).toBeUndefined();
    expect(definition.configuration).not.toHaveProperty('colour');
    expect(notes).toEqual([
      expect.stringMatching(/^\/configuration\/password: is masked/),
      '/configuration/sendMetaData: is not known; did it mean sendMetadata?',
      expect.stringMatching(/^\/id: is no id of the bridge/),
      '/configuration/colour: has no counterpart in a definition of the bridge',
      expect.stringMatching(/^\/flows: .*configuration\.source\.matchers/),
      expect.stringMatching(/is a connection of ThingPark X IoT Flow; the definition is not whole yet:$/),
      expect.stringMatching(/^\/configuration\/password: must be the secret itself/),
    ]);
  });

  test('is chosen from a list', async () => {
    const list = [CONNECTION, { ...CONNECTION, id: '43', name: 'Second' }];
    expect((await convert(list, '--pick', '43')).definition.name).toBe('Second');
    expect(await convert(list)).toMatchObject({ code: 65, notes: [expect.stringMatching(/--pick \(42, 43\)/)] });
    expect(await convert(list, '--pick', '44')).toMatchObject({ code: 65, definition: null });
    expect(await convert({ ...CONNECTION, connectorId: 'actility-http-iot' })).toMatchObject({ code: 65 });
  });
});

test("of a Kafka Connect HTTP sink topics, start and HERE's address are carried; no secret is repeated", async () => {
  const { code, definition, notes } = await convert({
    name: 'uplinks-to-here',
    config: {
      'connector.class': 'io.confluent.connect.http.HttpSinkConnector',
      'tasks.max': '4',
      topics: 'uplinks, more-uplinks',
      'http.api.url': 'https://tracking.hereapi.com/v3/batch',
      'value.converter': 'io.confluent.connect.avro.AvroConverter',
      'auth.type': 'OAUTH2',
      'oauth2.client.secret': 'canary-secret',
      'batch.max.size': '100',
      'consumer.override.auto.offset.reset': 'earliest',
      'some.thing': 'else',
    },
  });
  expect(code).toBe(1);
  expect(definition).toEqual({
    connectorId: 'actility-here-iot',
    name: 'uplinks-to-here',
    configuration: { service: 'here-platform', source: { topics: ['uplinks', 'more-uplinks'], from: 'earliest' } },
  });
  const named = notes.map((line) => line.split(':')[0]);
  for (const key of [
    'value.converter',
    'auth.type',
    'oauth2.client.secret',
    'batch.max.size',
    'some.thing',
    'tasks.max',
  ]) {
    expect(named).toContain(`/config/${key}`);
  }
  expect(notes.join('\n')).toMatch(/configuration\.email and configuration\.password: is to be filled in/);
  expect(notes.join('\n')).not.toContain('canary-secret');
});

test('of a Bento configuration topics are carried, and broker, processors and rates are named', async () => {
  const { code, definition, notes } = await convert({
    input: {
      label: 'x',
      mqtt: { urls: ['tcp://b:1883'], topics: ['mqtt/things/+/uplink'], client_id: 'bento', password: 'canary' },
    },
    pipeline: { processors: [{ mapping: 'root = this' }] },
    output: {
      retry: { output: { http_client: { url: 'https://tracking.api.here.com/v3/', verb: 'POST', rate_limit: 'r' } } },
    },
  });
  expect(code).toBe(1);
  expect(definition.configuration).toEqual({ service: 'here', source: { topics: ['mqtt/things/+/uplink'] } });
  expect(notes).toContain('/input/mqtt/urls: is a setting of the bridge: brokers.main of its configuration');
  expect(notes.some((line) => line.startsWith('/pipeline: is not carried'))).toBe(true);
  expect(notes.join('\n')).not.toContain('canary');

  const elsewhere = { input: { mqtt: { topics: ['a'] } }, output: { stdout: {} } };
  expect(await convert(elsewhere)).toMatchObject({ code: 65, notes: ['standard input: Its output is no http_client'] });
  expect(await convert({ a: 1 })).toMatchObject({ code: 65 });
  expect((await cli(['convert', '/no/such/file'])).code).toBe(66);
});

test('YAML is read as it stands, and what is no YAML is refused without its text', async () => {
  const stdin = `
input:
  mqtt:
    urls: [tcp://b:1883]   # the plant's
    topics: &topics [mqtt/things/+/uplink]
output:
  http_client: { url: https://tracking.api.here.com/v3/, verb: POST }
`;
  const { out } = await cli(['convert', '-'], { stdin });
  expect(JSON.parse(out).configuration).toEqual({ service: 'here', source: { topics: ['mqtt/things/+/uplink'] } });
  const broken = await cli(['convert', '-'], { stdin: 'input: {password: canary\n  - x' });
  expect([broken.code, broken.err]).toEqual([
    65,
    expect.stringMatching(/is neither JSON nor YAML \(line \d, column \d+\)/),
  ]);
  expect(broken.err).not.toContain('canary');
  const bomb = [
    'a: &a [x,x,x,x,x,x,x,x,x]',
    ...'bcdefgh'.split('').map((name, n) => `${name}: &${name} [${Array(9).fill(`*${'abcdefg'[n]}`)}]`),
  ];
  expect(await cli(['convert', '-'], { stdin: bomb.join('\n') })).toMatchObject({
    code: 65,
    err: expect.stringContaining('aliases'),
  });
});
