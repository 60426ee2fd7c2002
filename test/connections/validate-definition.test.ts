// Validation of definitions: all wrong fields at once, in plain words, never with a value that may be a secret.
import fc from 'fast-check';
import { Check } from 'typebox/value';
import { describe, expect, it } from 'vitest';
import { createDefinitionValidator } from '../../src/connections/validate-definition.ts';
import { DefinitionSchema } from '../../src/domain/connection.ts';
import { explain } from '../../src/domain/explain-schema.ts';
import { complete, sample } from './definition-samples.ts';

const validateDefinition = createDefinitionValidator({});

function errorsOf(value: unknown, id: string | null = null): Record<string, string> {
  const verdict = validateDefinition(id, value);
  return verdict.ok ? {} : Object.fromEntries(verdict.errors.map(({ pointer, message }) => [pointer, message]));
}

describe('validateDefinition', () => {
  it("takes the documentation's example and a complete definition", () => {
    expect(validateDefinition(null, sample())).toMatchObject({ ok: true });
    expect(validateDefinition('paris', complete)).toEqual({ ok: true, record: complete });
    expect(validateDefinition(null, sample({ appId: '' })).ok).toBe(true);
  });

  it('names every wrong field at once, of schema and meaning, with what is allowed', () => {
    const errors = errorsOf(
      {
        connectorId: 'other',
        name: 7,
        active: 'yes',
        configuration: {
          email: 'nobody',
          password: '',
          uplinkTimeValidity: '5 minutes',
          downlinkPort: 300,
          reconnectStrategy: 'FAST',
          maxDevices: 1.5,
          sendMetadata: true,
          sendRawDecodedFormat: true,
          source: { topics: ['a/#/b', 'ok/+', 'x+'], from: 'yesterday' },
        },
        alarms: [{ startTime: '8:00', endTime: '24:00', timezone: 'Paris', recurrence: [], uplinkRateMinPerHour: -1 }],
      },
      'paris',
    );
    expect(errors).toMatchObject({
      '/connectorId': 'must be "actility-here-iot"',
      '/name': 'must be a text of 1 to 200 characters',
      '/active': 'must be true or false',
      '/configuration/email': 'must be an e-mail address such as name@example.com',
      '/configuration/password': 'must be a text of 1 to 4096 characters',
      '/configuration/uplinkTimeValidity': 'must be a sum of d, h, m and s parts such as 5m, 72h or 3d12h60m',
      '/configuration/downlinkPort': 'must be a whole number from 1 to 224',
      '/configuration/reconnectStrategy': 'must be one of CALM, NORMAL or AGGRESSIVE',
      '/configuration/maxDevices': 'must be a whole number of at least 0',
      '/configuration/sendRawDecodedFormat': 'must be false or left out when sendMetadata is true',
      '/configuration/source/topics/0': 'must be an MQTT topic filter: # stands alone and last, as in things/#',
      '/configuration/source/topics/2':
        'must be an MQTT topic filter: + stands alone in its level, as in things/+/uplink',
      '/configuration/source/from': 'must be "now" or "earliest"',
      '/alarms/0/timezone': 'must be an IANA time zone such as Europe/Paris or UTC',
      '/alarms/0/recurrence': 'must be a list of 1 to 10 entries',
    });
    expect(errors['/alarms/0/startTime']).toContain('a time of day such as 08:00');
    expect(Object.keys(errors)).toHaveLength(17);
  });

  it('names missing and unknown fields, the latter with the one that was meant', () => {
    expect(errorsOf({ configuration: { Email: 'me@example.com', pasword: 'x', app_id: 'y', colour: 1 } })).toEqual({
      '/connectorId': 'is missing; it must be "actility-here-iot"',
      '/name': 'is missing; it must be a text of 1 to 200 characters',
      '/configuration/email': 'is missing; it must be a text of 3 to 254 characters',
      '/configuration/password': 'is missing; it must be a text of 1 to 4096 characters',
      '/configuration/Email': 'is not a known field; did you mean "email"?',
      '/configuration/pasword': 'is not a known field; did you mean "password"?',
      '/configuration/app_id': 'is not a known field; did you mean "appId"?',
      '/configuration/colour': expect.stringMatching(/^is not a known field; known here: email, password, /),
    });
  });

  it('explains a matcher by the kind that was meant', () => {
    const matchers = [
      { type: 'thing', tag: ['a'] },
      { type: 'key', key: '0018b20000000b20' },
      { type: 'tags' },
      'lora:0018b20000000b20',
      { type: 'thing', tags: ['fine'] },
    ];
    const at = '/configuration/source/matchers';
    expect(errorsOf(sample({ source: { matchers } as never }))).toEqual({
      [`${at}/0/tags`]: 'is missing; it must be a list of 1 to 50 entries',
      [`${at}/0/tag`]: 'is not a known field; did you mean "tags"?',
      [`${at}/1/key`]: 'must be a text: "lora:" and the 16 hex digits of the DevEUI, as in lora:0018b20000000b20',
      [`${at}/2/type`]: 'must be "thing" or "key"',
      [`${at}/3`]: 'must be an object with type "thing" and tags or an object with type "key" and key',
    });
  });

  it('refuses an id other than the key, and a mask in place of a secret', () => {
    expect(errorsOf(complete, 'rome')).toEqual({
      '/id': 'must be the key that the record is stored under, "rome", or be left out',
    });
    expect(errorsOf(sample({ password: '*****' }))['/configuration/password']).toContain('must be the secret itself');
  });

  it.each([null, 5, 'text', [], true])('says of %j that it must be an object', (value) => {
    expect(errorsOf(value)['']).toMatch(/^must be an object with id, connectorId/);
  });

  it('asks the checkers that a worker brings along', () => {
    const validate = createDefinitionValidator({
      checkValidity: () => 'must be shorter',
      checkTopicPattern: (pattern) => (pattern.includes('{DevEUI}') ? null : 'must hold {DevEUI}'),
      brokers: ['main', 'backup'],
      services: ['here'],
    });
    const verdict = validate(
      null,
      sample({
        service: 'her',
        uplinkTimeValidity: '5m',
        uplinkTopicPattern: 'a/b',
        source: { broker: 'other' },
      }),
    );
    expect(verdict).toEqual({
      ok: false,
      errors: [
        { pointer: '/configuration/uplinkTimeValidity', message: 'must be shorter' },
        { pointer: '/configuration/uplinkTopicPattern', message: 'must hold {DevEUI}' },
        {
          pointer: '/configuration/service',
          message: 'must name an entry of the worker\'s here.services: here; did you mean "here"?',
        },
        {
          pointer: '/configuration/source/broker',
          message: "must name an entry of the worker's brokers: main or backup",
        },
      ],
    });
  });

  it('does not echo values, takes hostile input, and stays bounded', () => {
    const secret = 'planted-secret';
    const hostile = JSON.parse(
      `{"__proto__": {"x": 1}, "constructor": 1, "name": ${'['.repeat(1000)}${']'.repeat(1000)}, "configuration": {"email": "${secret}", "password": ["${secret}"], "downlinkAsKey": {"${'k'.repeat(500)}": 1}, "appId": "${secret}!"}}`,
    );
    const verdict = validateDefinition('x', hostile);
    expect(verdict.ok).toBe(false);
    expect(JSON.stringify(verdict)).not.toContain(secret);
    const many = validateDefinition(
      null,
      sample({ source: { matchers: Array.from({ length: 1000 }, () => 1) as never } }),
    );
    expect(!many.ok && many.errors.length).toBe(100);
    const wide = validateDefinition(null, Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`key${i}`, i])));
    expect(!wide.ok && wide.errors.length).toBe(100);
  });

  it('explains exactly what the compiled schema refuses', () => {
    const leaf = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null), fc.double(), fc.constant('now'));
    const paths = [
      ['id'],
      ['name'],
      ['active'],
      ['alarms'],
      ['extra'],
      ['configuration'],
      ['configuration', 'email'],
      ['configuration', 'appId'],
      ['configuration', 'downlinkPort'],
      ['configuration', 'reconnectStrategy'],
      ['configuration', 'source'],
      ['configuration', 'source', 'topics'],
      ['configuration', 'source', 'from'],
      ['configuration', 'source', 'matchers', '0'],
      ['configuration', 'source', 'matchers', '1', 'type'],
      ['alarms', '0', 'recurrence', '0', 'byDays'],
      ['alarms', '0', 'uplinkRateMinPerHour'],
    ];
    const value = fc.oneof(leaf, fc.array(leaf, { maxLength: 3 }), fc.dictionary(fc.string(), leaf, { maxKeys: 3 }));
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom(...paths), fc.option(value)), { maxLength: 4 }), (changes) => {
        const record = structuredClone(complete) as unknown as Record<string, unknown>;
        for (const [path, next] of changes) alter(record, path, next);
        const errors = explain(DefinitionSchema, record, {});
        expect(errors.length === 0).toBe(Check(DefinitionSchema, record));
      }),
      { numRuns: 500 },
    );
  });
});

/** null removes. */
function alter(record: unknown, path: readonly string[], next: unknown): void {
  let at = record as Record<string, unknown>;
  for (const key of path.slice(0, -1)) {
    const inner = at[key];
    if (typeof inner !== 'object' || inner === null) return;
    at = inner as Record<string, unknown>;
  }
  const key = path.at(-1) ?? '';
  if (next === null && Array.isArray(at)) at.splice(Number(key), 1);
  else if (next === null) delete at[key];
  else at[key] = next;
}
