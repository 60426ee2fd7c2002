// Generated uplinks of all networks: no exception, every record valid for HERE, and never a place that is not the device's.
// GENERATED_UPLINKS sets how many (4000 by default), GENERATED_SEED where to begin.
import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { describe, expect, test } from 'vitest';
import { badRecord } from '../../src/sandbox/validation/record.ts';
import { compilePrepare } from '../../src/uplink/prepare.ts';
import { find } from '../support/requirements.ts';
import { createGenerator } from './generated-uplinks.ts';
import { ARRIVED, connection, message } from './prepare-support.ts';

const COUNT = Number(process.env.GENERATED_UPLINKS ?? 4000);
const SEED = Number(process.env.GENERATED_SEED ?? 20_261_128);

function openApiCheck(): (record: unknown) => unknown {
  const { found } = find('openapi');
  if (found === null) return () => null;
  const document = JSON.parse(readFileSync(found, 'utf8'));
  const { items } = document.paths['/v3/batch'].post.requestBody.content['application/json'].schema.properties.data;
  const validate = new Ajv({ strict: false, formats: { 'date-time': true } }).compile(items);
  return (record) => (validate(record) ? null : validate.errors);
}

describe('Generated uplinks', () => {
  test('give only valid records, and no place but the device’s own', () => {
    const next = createGenerator(SEED);
    const prepares = (['enveloped', 'flat', 'decoded'] as const).map((format) =>
      compilePrepare(connection({ format })),
    );
    const check = openApiCheck();
    const wrong: unknown[] = [];
    const seen = { records: 0, positions: 0, scans: 0, skipped: 0, deadLettered: 0, missing: 0 };
    for (let i = 0; i < COUNT && wrong.length < 5; i++) {
      const { content, place, mustHave } = next();
      const prepared = (prepares[i % 3] as (typeof prepares)[number])(message(content), ARRIVED);
      if (prepared.outcome !== null) {
        const { outcome } = prepared;
        if (outcome.kind === 'deadLettered') seen.deadLettered += 1;
        else seen.skipped += 1;
        if (outcome.kind === 'deadLettered' && outcome.reason === 'mappingFailed') wrong.push({ i, content, outcome });
        else if (place !== undefined && mustHave) wrong.push({ i, why: 'no record', content, outcome });
        continue;
      }
      for (const { json, bytes } of prepared.records) {
        const record = JSON.parse(json);
        seen.records += 1;
        if (record.scan !== undefined) seen.scans += 1;
        const bad = badRecord(record, true) ?? check(record);
        if (bad !== null) wrong.push({ i, bad, content, record });
        if (bytes !== Buffer.byteLength(json)) wrong.push({ i, why: 'its length', content });
        if (Buffer.byteLength(JSON.stringify(record.payload ?? {})) > 1000) wrong.push({ i, why: 'payload', content });
        const { position } = record;
        if (position !== undefined) seen.positions += 1;
        if (place === undefined) continue;
        if (position === undefined ? place !== null && mustHave : place === null)
          wrong.push({ i, why: 'place', content, record });
        else if (
          position !== undefined &&
          place !== null &&
          (position.lat !== place.lat || position.lng !== place.lng)
        ) {
          wrong.push({ i, why: 'another place', content, record });
        }
      }
    }
    expect(wrong).toEqual([]);
    if (COUNT > 10_000) console.log(JSON.stringify({ uplinks: COUNT, ...seen }));
    expect(seen.positions).toBeGreaterThan(COUNT / 5);
    expect(seen.scans).toBeGreaterThan(0);
  }, 3_600_000);
});
