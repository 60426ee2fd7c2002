// What is to become of a waiting command: where its topic may not lead.
import { expect, test } from 'vitest';
import type { Command } from '../../src/domain/command.ts';
import { DeviceTopics } from '../../src/downlink/device-topics.ts';
import { prepareCommand } from '../../src/downlink/prepare-command.ts';
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
