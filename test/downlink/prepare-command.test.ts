// What is to become of a waiting command: where its topic may not lead, and what a changed template makes of it.
import { expect, test } from 'vitest';
import type { Command } from '../../src/domain/command.ts';
import { DeviceTopics } from '../../src/downlink/device-topics.ts';
import type { JsonObject } from '../../src/downlink/json.ts';
import { prepareCommand } from '../../src/downlink/prepare-command.ts';
import { decide } from '../../src/downlink/which-change.ts';
import { compileTopicPattern } from '../../src/uplink/topic-pattern.ts';

const device = '70B3D50000000001';
const command = {
  ...{ id: 1, device, origin: 'api', version: null, era: 0, desiredAt: 0, seenAt: 0, changedAt: 0 },
  ...{ document: '{"FPort":1,"payload_hex":"00"}', state: 'waiting', cause: null, attempt: 0, correlationId: null },
  ...{ port: null, confirmed: false, publishedAt: null },
} as unknown as Command;

test.each([
  ['mqtt', { area: 'here-bridge', kind: 'connections' }, null],
  ['a network’s', {}, 'chirpstack here-bridge/application/1/device/{deveui}/command/down'],
])('is refused where it would lead into the bridge’s own topics: by %s topic', (_, body, kept) => {
  const { render } = compileTopicPattern('{$.area|DevEUI}/{$.kind|DevEUI}/{DevEUI}');
  const topics = new DeviceTopics({ needsUplink: true, render });
  topics.note(device, body);
  const prepared = (isOwnTopic: (topic: string) => boolean) =>
    prepareCommand(command, {
      downlink: { enabled: true, asId: null, asKey: null, port: null, template: null, topicPattern: '' },
      ...{ topics, kept, isOwnTopic, hasNewer: false, latest: null, takesNetworkForms: true },
      ...{ correlationId: () => '0123456789ABCDEF', maxAgeMs: 1_000, now: 0, hereNow: 0 },
    });
  expect(prepared(() => false).kind).toBe('publish');
  expect(prepared((topic) => topic.startsWith('here-bridge/'))).toEqual({
    kind: 'settle',
    fact: { kind: 'refused', cause: "its topic would be one of the bridge's own" },
  });
});

const shadowChange = (version: number, payload: object | null) => {
  const document = JSON.stringify({ ...(payload && { payload }), system: { stateVersion: version, every: 5 } });
  return { device, version, desiredAt: 10 + version, document, reported: null };
};

/** What becomes of the command of version 1, seen under one template, once the connection has another. */
function afterEdit(to: JsonObject | null, later: ReturnType<typeof shadowChange> | null = null) {
  const rules = { template: { FPort: 3, payload: { a: '{{/payload/a}}' } }, since: 0, hereNow: 20, maxAgeMs: 1_000 };
  const change = shadowChange(1, { a: 7 });
  const first = decide(change, { ...rules, before: null });
  if (first.kind !== 'command') throw new Error('it is none');
  const next = later === null ? first : decide(later, { ...rules, before: first.handled });
  if (next.kind === 'known') throw new Error('it is known');
  const { version, desiredAt, document } = change;
  return prepareCommand({ ...command, origin: 'shadow', version, desiredAt, document } as Command, {
    downlink: { enabled: true, asId: null, asKey: null, port: 4, template: to, topicPattern: '' },
    topics: new DeviceTopics({ needsUplink: false, render: compileTopicPattern('x/{DevEUI}').render }),
    ...{ kept: null, isOwnTopic: () => false, hasNewer: false, latest: next.handled, takesNetworkForms: true },
    ...{ correlationId: () => '0123456789ABCDEF', maxAgeMs: 1_000, now: 20, hereNow: 20 },
  });
}

test('a command that waits while the template changes is sent by the template that is there now', () => {
  const prepared = afterEdit({ FPort: 9, payload: { b: '{{/payload/a}}' } });
  expect(prepared).toMatchObject({ kind: 'publish', fact: { port: 9 } });
  expect(prepared.kind === 'publish' && prepared.message).toContain('"payload":{"b":7}');
  expect(afterEdit(null)).toMatchObject({ kind: 'publish', fact: { port: 4 } });
  // Where the new one leaves nothing to be sent, a person hears of it.
  expect(afterEdit({ payload: '{{/payload/other}}' })).toMatchObject({ kind: 'settle', fact: { kind: 'refused' } });
});

test('what a later change does not desire any more is not sent, whatever the template', () => {
  const superseded = { kind: 'settle', fact: { kind: 'superseded' } };
  const same = { FPort: 3, payload: { a: '{{/payload/a}}' } };
  for (const to of [same, { FPort: 9, payload: { b: '{{/payload/a}}' } }]) {
    expect(afterEdit(to, shadowChange(2, null))).toEqual(superseded);
  }
  // Another setting alone does not take it back.
  expect(afterEdit(same, shadowChange(2, { a: 7, note: 1 }))).toMatchObject({ kind: 'publish' });
});
