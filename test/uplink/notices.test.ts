// What is told of uplinks that go their way all the same: an event each, once per key.
import { expect, test } from 'vitest';
import type { NewEvent } from '../../src/domain/events.ts';
import type { UplinkNotice } from '../../src/domain/uplink.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { modelLine } from '../support/model-line.ts';
import { modelProject } from '../support/model-project.ts';

test('a notice is a warning of its connection, told once; the uplinks are delivered', async () => {
  const clock = new ManualClock();
  const told: NewEvent[] = [];
  const notices: Readonly<Record<string, UplinkNotice>> = {
    odd: { kind: 'unknownValidityState', key: 'unknownValidityState ODD', message: 'odd' },
    other: { kind: 'otherDeviceInTopic', key: 'otherDeviceInTopic', message: 'other' },
    fails: { kind: 'payloadDecodedError', key: 'payloadDecodedError nke/bob 1', message: 'fails' },
    bare: { kind: 'noDecodedPayload', key: 'noDecodedPayload nke/bob', message: 'bare' },
  };
  const line = modelLine(clock, {
    prepare: ({ payload }) => {
      const [device, json] = String(payload).split(' ') as [string, string];
      const records = [{ device, json, bytes: json.length, timestamp: 0 }];
      const notice = notices[device];
      return { device, outcome: null, records, emittedAt: 0, ...(notice === undefined ? {} : { notice }) };
    },
    events: { emit: (event) => void told.push(event) },
  });
  const project = modelProject({});
  line.flow.open(project);
  line.publish('odd 1', 'other 2', 'fails 3', 'bare 4', 'plain 5');
  await clock.advance(0);
  line.publish('odd 6', 'other 7');
  await clock.advance(0);
  const warning = { severity: 'warning', connectionId: 'a' };
  expect(told).toEqual([
    { kind: 'unknownValidityState', ...warning, key: 'unknownValidityState ODD', message: 'odd' },
    { kind: 'otherDeviceInTopic', ...warning, key: 'otherDeviceInTopic', message: 'other' },
    { kind: 'payloadNotDecoded', ...warning, key: 'payloadDecodedError nke/bob 1', message: 'fails' },
    { kind: 'payloadNotDecoded', ...warning, key: 'noDecodedPayload nke/bob', message: 'bare' },
  ]);
  expect([...project.accepted].sort()).toEqual(['1', '2', '3', '4', '5', '6', '7']);
  await line.flow.stop(AbortSignal.timeout(1_000));
});
