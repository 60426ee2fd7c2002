// Definitions for tests: the documentation's own example and a complete one.

import type { DefinitionDefaults } from '../../src/connections/definition.ts';
import type { DefinitionRecord } from '../../src/domain/connection.ts';
import { BridgeError } from '../../src/domain/errors.ts';
import type { SecretBox } from '../../src/domain/ports/secrets.ts';

export function sample(configuration: Partial<DefinitionRecord['configuration']> = {}): DefinitionRecord {
  return {
    connectorId: 'actility-here-iot',
    name: 'My first HERE connection',
    configuration: { email: 'me@example.com', password: 'right', ...configuration },
  };
}

export const complete: DefinitionRecord = {
  id: 'paris',
  connectorId: 'actility-here-iot',
  name: 'Paris',
  active: true,
  alarms: [
    {
      startTime: '22:00',
      endTime: '06:00',
      timezone: 'Europe/Paris',
      recurrence: [{ frequency: 'weekly', byDays: ['monday', 'friday'] }],
      uplinkRateMinPerHour: 10,
      message: 'Too few',
    },
  ],
  revision: 'r1',
  restart: '1',
  configuration: {
    email: ' Me@Example.COM ',
    password: 'secret-password',
    appId: 'ya5f66oj2vau1EGMvREK',
    description: 'd',
    realm: 'r',
    service: 'own',
    createDevices: false,
    maxDevices: 10,
    sendMetadata: false,
    sendRawDecodedFormat: true,
    uplinkTimeValidity: '3d12h60m',
    downlinkEnabled: false,
    downlinkAsId: 'as',
    downlinkAsKey: 'secret-key',
    uplinkTopicPattern: 'mqtt/thing/{DevEUI}/{FPort}/uplink',
    downlinkTopicPattern: 'mqtt/thing/{DevEUI}/downlink',
    downlinkPort: 5,
    reconnectStrategy: 'CALM',
    source: {
      broker: 'main',
      topics: ['a/+/b', 'c/#'],
      matchers: [
        { type: 'thing', tags: ['a', 'b'] },
        { type: 'key', key: 'lora:0018b20000000b20' },
      ],
      from: 'now',
    },
  },
};

/** Marks instead of encrypting: enough to see what is bound to what. */
export const markBox: SecretBox = {
  encrypt: (plain, context) => `enc:v1:k:${Buffer.from(`${context}|${plain}`).toString('base64url')}`,
  decrypt(value, context) {
    if (!value.startsWith('enc:v1:')) return value;
    const [bound, plain] = Buffer.from(value.slice('enc:v1:k:'.length), 'base64url').toString().split('|');
    if (bound !== context) throw new BridgeError('secretUnreadable', 'wrong context');
    return plain ?? '';
  },
  isEncrypted: (value) => value.startsWith('enc:v1:'),
  hmac: (value) => value,
};

export const defaults: DefinitionDefaults = {
  broker: 'main',
  service: 'here',
  topics: ['mqtt/things/+/uplink'],
  uplinkTopicPattern: 'mqtt/things/{DevEUI}/uplink',
  downlinkTopicPattern: () => 'mqtt/things/{DevEUI}/downlink',
  from: 'now',
  parseValidity: () => 303_600_000,
  topicFilter: (pattern) => pattern.replaceAll(/\{[^}]*\}/g, '+'),
};
