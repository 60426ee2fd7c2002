// The whole of prepare: notices, the trace, and messages that are deep or long.
import { describe, expect, test } from 'vitest';
import { compilePrepare, explain } from '../../src/uplink/prepare.ts';
import { ARRIVED, connection, DEVICE, message, prepareOne, recordsOf, uplink } from './prepare-support.ts';

describe('A notice', () => {
  const notice = (content: unknown) => prepareOne(content).notice;
  const model = { DriverCfg: { mod: { pId: 'nke', mId: 'bob' } } };

  test('tells a driver’s failure once per model and code, in its own words', () => {
    const failure = { ...model, payloadDecodedError: { code: 'com-5002', message: 'Invalid\nfPort!' } };
    expect(notice(uplink(undefined, failure))).toEqual({
      kind: 'payloadDecodedError',
      key: 'payloadDecodedError nke/bob com-5002',
      message: 'The driver of nke/bob fails (com-5002): Invalid fPort!',
    });
    expect(notice(uplink(undefined, { payload_hex: undefined, ...failure }))?.kind).toBe('payloadDecodedError');
    const endless = notice(uplink(undefined, { payloadDecodedError: { code: 7, message: 'x'.repeat(9000) } }));
    expect(endless?.message.length).toBeLessThan(500);
  });
  test('tells that a model is not decoded', () => {
    expect(notice(uplink(undefined, model))?.message).toContain('switch on the driver');
    expect(notice(uplink({ a: 1 }, model))).toBeUndefined();
    expect(notice(uplink(undefined, { points: {} }))).toBeUndefined();
  });
  test('tells an unknown validityState once', () => {
    expect(notice({ deviceEUI: DEVICE, coordinates: [7, 43], validityState: 'ODD' })?.key).toBe(
      'unknownValidityState ODD',
    );
    expect(notice({ deviceEUI: DEVICE, coordinates: [7, 43], validityState: 'PREVIOUS' })).toBeUndefined();
  });
});

describe('The trace', () => {
  test('says which rule gave each field and why the ones before it did not', () => {
    const { fields, prepared, notes } = explain(
      connection(),
      message(uplink({ gnss: { lat: 43.6, lng: 7.06 }, temperature: 500 })),
      ARRIVED,
    );
    const field = (name: string) => fields.find((one) => one.field === name);
    expect(field('id')).toMatchObject({ rule: 'device-in-body', value: DEVICE });
    expect(field('timestamp')?.rule).toBe('Time');
    expect(field('position')).toMatchObject({
      rule: 'pair-in-object',
      passedOver: expect.arrayContaining([{ rule: 'resolved-coordinates', why: 'not a resolved position' }]),
    });
    expect(field('position.accuracy')).toMatchObject({ rule: 'default-accuracy', value: 20 });
    expect(field('system.reportedSensorData.temperatureC')).toMatchObject({
      rule: null,
      passedOver: expect.arrayContaining([{ rule: 'temperature-in-payload', why: 'not within -70..100' }]),
    });
    expect(field('payload')?.rule).toBe('payload-enveloped');
    expect(notes).toEqual([]);
    expect(prepared).toEqual(prepareOne(uplink({ gnss: { lat: 43.6, lng: 7.06 }, temperature: 500 })));
  });
  test.each([
    ['nope', 'is not JSON'],
    [{ DevEUI_downlink_Sent: { DevEUI: DEVICE } }, 'DevEUI_downlink_Sent carries no telemetry'],
    [{ DevEUI_uplink: { DevEUI: DEVICE, rawJoinRequest: '00' } }, 'rawJoinRequest'],
    [{ a: 1 }, 'names a device'],
    [uplink({ a: 1 }, { Time: '1970-01-01T00:00:00Z' }), 'outside HERE'],
  ])('of %j says why there is no record', (content, words) => {
    const { prepared, notes } = explain(connection(), message(content), ARRIVED);
    expect(prepared.outcome).not.toBeNull();
    expect(notes.join(' ')).toContain(words);
  });
  test('says that a time was not readable', () => {
    const { fields } = explain(connection(), message(uplink({ a: 1 }, { Time: 'x' })), ARRIVED);
    expect(fields.find(({ field }) => field === 'timestamp')?.rule).toContain('arrival');
  });
});

test('a DevEUI from the topic makes records of a driver’s bare content', () => {
  const prepare = compilePrepare(connection({ source: { topicPattern: 'mqtt/things/{DevEUI}/uplink' } }));
  const prepared = prepare(
    message({ temperature: 24.8, moving: false }, `mqtt/things/${DEVICE.toLowerCase()}/uplink`),
    ARRIVED,
  );
  expect(recordsOf(prepared)).toEqual([
    {
      id: DEVICE,
      timestamp: ARRIVED,
      system: { reportedSensorData: { temperatureC: 24.8, deviceIsStationary: true } },
      payload: { temperature: 24.8, moving: false },
    },
  ]);
});

describe('An uplink that is nested too deep', () => {
  test.each([120, 1000, 20_000])('at %i levels is told, never thrown', (levels) => {
    const deep = `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;
    const lists = `${'['.repeat(levels)}1${']'.repeat(levels)}`;
    for (const payload of [deep, lists, `{"x":${lists}}`, `{"deviceConfiguration":${deep}}`]) {
      const { outcome } = prepareOne(
        `{"DevEUI_uplink":{"DevEUI":"${DEVICE}","FPort":1,"payload_hex":"00","payload":${payload}}}`,
      );
      expect(outcome).toMatchObject({ kind: 'deadLettered', reason: 'tooDeep' });
    }
  });
  test('at 90 levels passes', () => {
    const deep = `${'{"a":'.repeat(90)}1${'}'.repeat(90)}`;
    expect(prepareOne(`{"DevEUI_uplink":{"DevEUI":"${DEVICE}","payload":${deep}}}`).outcome).toBeNull();
  });
});

test('a message of 256 KB costs milliseconds, whatever it is made of', () => {
  const prepare = compilePrepare(connection());
  const filled = (entry: (i: number) => string, open: string, close: string): string => {
    let text = `{"DevEUI_uplink":{"DevEUI":"${DEVICE}","payload":${open}`;
    for (let i = 0; text.length < 255_000; i++) text += `${i === 0 ? '' : ','}${entry(i)}`;
    return `${text}${close}}}`;
  };
  const messages = [
    filled((i) => `"key${i}":${i}`, '{', '}'),
    filled((i) => `{"lat":${i % 80},"lng":7,"timestamp":${1718887000 + i}}`, '[', ']'),
    filled((i) => `"k${i}":{"a":{"b":{"c":"${i}"}}}`, '{', '}'),
    filled(() => '1', '[', ']'),
    filled((i) => `"temperature_${i}":"${i} C"`, '{', '}'),
    filled(() => '[{"type":"Latitude","measurementValue":1}]', '{"messages":[', ']}'),
  ].map((text) => message(text));
  for (const one of messages) {
    let best = Number.POSITIVE_INFINITY;
    for (let i = 0; i < 5; i++) {
      const started = process.cpuUsage().user;
      expect(prepare(one, ARRIVED).outcome).toBeNull();
      best = Math.min(best, (process.cpuUsage().user - started) / 1000);
    }
    // Generous, since test machines are busy; alone it is a few ms.
    expect(best).toBeLessThan(100);
  }
});

describe('A message whose topic names another device than its body', () => {
  const OTHER = 'AAAAAAAAAAAAAAAA';
  const told: string[] = [];
  const ear = {
    onUplink: (device: string) => void told.push(device),
    onReport: (report: { device: string }) => void told.push(report.device),
  };
  /** Of what the other line has heard, and of the notice. */
  function heard(topic: string, content: unknown, topicPattern: string | null = null) {
    told.length = 0;
    const prepared = compilePrepare(
      connection({ source: { topicPattern } }),
      {},
      ear,
    )(message(content, topic), ARRIVED);
    return { told: [...told], device: prepared.device, outcome: prepared.outcome, notice: prepared.notice?.kind };
  }
  const quiet = { told: [], device: DEVICE, outcome: null, notice: 'otherDeviceInTopic' };
  const fine = { told: [DEVICE], device: DEVICE, outcome: null, notice: undefined };
  const chirpstack = {
    deviceInfo: { devEui: DEVICE.toLowerCase(), applicationId: '1' },
    ...{ fPort: 1, fCnt: 1, data: 'AQID', object: { temperature: 1 }, time: new Date(ARRIVED).toISOString() },
  };
  const things = (device_id: string) => ({
    end_device_ids: { dev_eui: DEVICE, device_id, application_ids: { application_id: 'app' } },
    uplink_message: { f_port: 1, f_cnt: 2, frm_payload: 'AQID', decoded_payload: { temperature: 1 } },
  });
  const pattern = 'mqtt/things/{DevEUI}/uplink';
  const eui = (device: string) => `eui-${device.toLowerCase()}`;

  test.each([
    ['ChirpStack', `application/1/device/${OTHER.toLowerCase()}/event/up`, chirpstack, null],
    ['The Things Stack, by name', 'v3/app@t/devices/evil/up', things('victim'), null],
    ['The Things Stack, by DevEUI', `v3/app@t/devices/${eui(OTHER)}/up`, things(eui(OTHER)), null],
    ['the definition’s pattern', `mqtt/things/${OTHER}/uplink`, uplink({ temperature: 1 }), pattern],
  ])('is telemetry with a notice, and nothing that commands follow: %s', (_, topic, content, topicPattern) => {
    expect(heard(topic, content, topicPattern)).toEqual(quiet);
  });

  test.each([
    ['ChirpStack', `eu/application/1/device/${DEVICE.toLowerCase()}/event/up`, chirpstack, null],
    ['The Things Stack, by name', 'v3/app@t/devices/victim/up', things('victim'), null],
    ['The Things Stack, by DevEUI', `v3/app@t/devices/${eui(DEVICE)}/up`, things(eui(DEVICE)), null],
    ['the definition’s pattern', `mqtt/things/${DEVICE.toLowerCase()}/uplink`, uplink({ temperature: 1 }), pattern],
    ['a topic that names none', 'uplinks', chirpstack, pattern],
  ])('is not meant where both are the same: %s', (_, topic, content, topicPattern) => {
    expect(heard(topic, content, topicPattern)).toEqual(fine);
  });

  test('confirms no command either', () => {
    const item = { queueItemId: '01234567-89ab-8cde-8f00-4e0b71d6e000', acknowledged: true, fCntDown: 1 };
    const ack = { deviceInfo: chirpstack.deviceInfo, ...item };
    expect(heard(`application/1/device/${OTHER}/event/ack`, ack).told).toEqual([]);
    expect(heard(`application/1/device/${DEVICE}/event/ack`, ack).told).toEqual([DEVICE]);
  });
});
