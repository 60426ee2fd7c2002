// From record to connection: defaults, normal forms, and what becomes of secrets.
import { describe, expect, it } from 'vitest';
import { makeConnection } from '../../src/connections/definition.ts';
import { encryptSecrets, maskSecrets, mergeMasked } from '../../src/connections/definition-secrets.ts';
import type { Connection } from '../../src/domain/connection.ts';
import { complete, defaults, markBox, sample } from './definition-samples.ts';

function made(...args: Parameters<typeof makeConnection>): Connection {
  const result = makeConnection(...args);
  if (!result.ok) throw new Error(JSON.stringify(result.errors));
  return result.connection;
}

describe('makeConnection', () => {
  it('fills in what a short definition leaves out', () => {
    expect(made('a', sample({ appId: ' ' as never }), markBox, defaults)).toEqual({
      id: 'a',
      name: 'My first HERE connection',
      active: true,
      revision: null,
      restart: null,
      account: { service: 'here', realm: null, email: 'me@example.com', password: 'right' },
      appId: null,
      description: '',
      createDevices: true,
      maxDevices: null,
      format: 'enveloped',
      uplinkTimeValidityMs: null,
      reconnectStrategy: 'NORMAL',
      source: {
        broker: 'main',
        topics: ['mqtt/things/+/uplink'],
        topicPattern: 'mqtt/things/{DevEUI}/uplink',
        matchers: [],
        from: 'now',
      },
      downlink: {
        ...{ enabled: true, asId: null, asKey: null, port: null, template: null },
        topicPattern: 'mqtt/things/{DevEUI}/downlink',
      },
      record: expect.anything(),
    });
  });

  it('takes everything that a complete one says, with the e-mail address in one form', () => {
    const connection = made('paris', encryptSecrets('paris', complete, markBox), markBox, defaults);
    expect(connection.account).toEqual({
      service: 'own',
      realm: 'r',
      email: 'me@example.com',
      password: 'secret-password',
    });
    expect(connection.downlink.asKey).toBe('secret-key');
    expect(connection).toMatchObject({ format: 'decoded', uplinkTimeValidityMs: 303_600_000, maxDevices: 10 });
    // Topics that are named rule; the pattern still finds the DevEUI.
    expect(connection.source).toMatchObject({
      topics: ['a/+/b', 'c/#'],
      topicPattern: 'mqtt/thing/{DevEUI}/{FPort}/uplink',
    });
  });

  it('subscribes to a pattern with a wildcard in each placeholder, and knows no pattern for named topics', () => {
    const byPattern = made('a', sample({ uplinkTopicPattern: 'x/{DevEUI}/{FPort}' }), markBox, defaults);
    expect(byPattern.source).toMatchObject({ topics: ['x/+/+'], topicPattern: 'x/{DevEUI}/{FPort}' });
    expect(made('a', sample({ source: { topics: ['y'] } }), markBox, defaults).source).toMatchObject({
      topicPattern: null,
    });
    expect(made('a', sample({ sendMetadata: true }), markBox, defaults).format).toBe('flat');
  });

  it("makes a secret of another connection or key this connection's own error", () => {
    const foreign = encryptSecrets('rome', complete, markBox);
    const result = makeConnection('paris', foreign, markBox, defaults);
    expect(result.ok).toBe(false);
    expect(!result.ok && result.errors.map((error) => error.pointer)).toEqual([
      '/configuration/password',
      '/configuration/downlinkAsKey',
    ]);
    expect(JSON.stringify(result)).not.toContain(foreign.configuration.password);
  });
});

describe('secrets of a definition', () => {
  it('are encrypted once, masked for people, and kept when the mask comes back', () => {
    const stored = encryptSecrets('paris', complete, markBox);
    expect(JSON.stringify(stored)).not.toMatch(/secret-/);
    expect(encryptSecrets('paris', stored, markBox)).toEqual(stored);
    const shown = maskSecrets(stored);
    expect(shown.configuration).toMatchObject({ password: '*****', downlinkAsKey: '*****' });
    expect(mergeMasked(stored, { ...shown, name: 'New' })).toEqual({ ...stored, name: 'New' });
    expect(mergeMasked(stored, sample({ password: 'new' })).configuration.password).toBe('new');
    expect(mergeMasked(null, shown).configuration.password).toBe('*****');
    expect(complete.configuration.password).toBe('secret-password');
  });
});
