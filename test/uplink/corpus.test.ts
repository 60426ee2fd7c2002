// Published messages and decoded payloads of many makers through the whole of prepare.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Ajv } from 'ajv';
import { expect, test } from 'vitest';
import { compilePrepare } from '../../src/uplink/prepare.ts';
import { describeWith, find } from '../support/requirements.ts';
import { ARRIVED, connection, DEVICE, message, recordsOf } from './prepare-support.ts';

interface PositionCase {
  readonly vendor: string;
  readonly model: string;
  readonly fPort?: number;
  readonly bytesHex?: string;
  readonly recvTime?: string;
  readonly decoded: unknown;
  readonly points?: unknown;
  readonly expect: { readonly lat: number; readonly lng: number } | null;
}

interface ScanCase {
  readonly model: string;
  readonly decoded: unknown;
  readonly wlan: readonly unknown[];
  readonly bt: readonly unknown[];
}

/**
 * Expectations that contradict the written rules. `tabs_object-locator`: its decoder says gnss "no fix", so the coordinates are
 * the last known place, and such a frame gives sensors only.
 */
const AGAINST_THE_RULES = ['tabs_object-locator'];

const recordSchema = () => {
  const { found } = find('openapi');
  if (found === null) return null;
  const document = JSON.parse(readFileSync(found, 'utf8'));
  const { items } = document.paths['/v3/batch'].post.requestBody.content['application/json'].schema.properties.data;
  return new Ajv({ strict: false, allErrors: true, formats: { 'date-time': true } }).compile(items);
};

describeWith('corpus', 'The corpus', (folder) => {
  const read = <T>(name: string): T[] =>
    folder === '' ? [] : JSON.parse(readFileSync(path.join(folder, name), 'utf8'));

  test('every published message is accounted for, and its records are valid', () => {
    const prepare = compilePrepare(connection());
    const validate = recordSchema();
    const tally: Record<string, number> = {};
    for (const { message: content } of read<{ message: unknown }>('thingpark-messages.json')) {
      const prepared = prepare(message(content), ARRIVED);
      const { outcome } = prepared;
      const key =
        outcome === null
          ? 'records'
          : outcome.kind === 'delivered'
            ? 'delivered'
            : `${outcome.kind}(${outcome.reason})`;
      tally[key] = (tally[key] ?? 0) + 1;
      if (outcome !== null) continue;
      for (const record of recordsOf(prepared)) {
        if (validate !== null) expect(validate(record) ? null : validate.errors).toBeNull();
        expect(Buffer.byteLength(JSON.stringify(record.payload))).toBeLessThanOrEqual(1000);
      }
    }
    expect(tally).toEqual({
      records: 246,
      'skipped(join)': 3,
      'skipped(report)': 9,
      'skipped(notification)': 3,
      'skipped(alarm)': 2,
      'skipped(multicast)': 1,
      // A driver's content alone, without its device: on a topic that names it, it is a record.
      'deadLettered(noDevice)': 1,
    });
  });

  test('positions are found where they are expected', () => {
    const prepare = compilePrepare(connection());
    const cases = read<PositionCase>('position-cases.json');
    const missed: string[] = [];
    for (const one of cases) {
      const Time = one.recvTime ?? '2026-01-02T12:00:00.000Z';
      const { fPort: FPort = 1, bytesHex: payload_hex = '00', decoded: payload, points } = one;
      const uplink = { Time, DevEUI: DEVICE, FPort, FCntUp: 1, payload_hex, payload, points };
      const { position } = recordsOf(prepare(message({ DevEUI_uplink: uplink }), ARRIVED)).at(-1);
      const isMet =
        one.expect === null
          ? position === undefined
          : Math.abs(position?.lat - one.expect.lat) < 1e-6 && Math.abs(position?.lng - one.expect.lng) < 1e-6;
      if (!isMet) missed.push(one.model);
    }
    expect(missed).toEqual(AGAINST_THE_RULES);
    expect(cases.length - missed.length).toBe(44);
  });

  test('what devices heard goes to HERE exactly', () => {
    const prepare = compilePrepare(connection());
    for (const { decoded: payload, wlan, bt, model } of read<ScanCase>('scan-cases.json')) {
      const uplink = {
        Time: '2026-01-02T12:00:00.000Z',
        DevEUI: DEVICE,
        FPort: 1,
        FCntUp: 1,
        payload_hex: '00',
        payload,
      };
      const { scan } = recordsOf(prepare(message({ DevEUI_uplink: uplink }), ARRIVED)).at(-1);
      const isEnough = wlan.length + bt.length > 1;
      const expected = isEnough
        ? { ...(wlan.length > 0 ? { wlan } : {}), ...(bt.length > 0 ? { bt } : {}) }
        : undefined;
      expect({ model, scan }).toEqual({ model, scan: expected });
    }
  });
});
