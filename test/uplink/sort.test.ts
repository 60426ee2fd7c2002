// Sorting once for all says of each message what every connection's own line would have said.
import { describe, expect, test } from 'vitest';
import type { Matcher } from '../../src/domain/connection.ts';
import type { Concern, Sorted } from '../../src/domain/ports/broker.ts';
import { createFleet } from '../../src/sandbox/fleet/fleet.ts';
import { concernOf } from '../../src/uplink/matchers.ts';
import { compilePrepare, PREPARE_DEFAULTS } from '../../src/uplink/prepare.ts';
import { compileSort } from '../../src/uplink/sort.ts';
import { createGenerator } from './generated-uplinks.ts';
import { ARRIVED, connection, message } from './prepare-support.ts';

const sort = compileSort(PREPARE_DEFAULTS);

function shared(content: unknown) {
  return { ...message(content), qos: 1 as const, dup: false, shared: {} };
}

function isConcerned({ devices, tags }: Concern, sorted: Sorted): boolean {
  const found = sorted.tags();
  return devices.has(sorted.device) || (tags.size > 0 && (found === null || [...tags].some((tag) => found.has(tag))));
}

describe('Sort', () => {
  test('what it says of those whom a message does not concern is what their own lines say; the others see no difference', () => {
    const fleet = createFleet({
      seed: 5,
      devices: 30,
      networks: ['thingpark', 'chirpstack', 'thingsStack'],
      tags: ['North', 'pallet'],
      mix: { join: 0.05, mac: 0.05, report: 0.1, location: 0.1, late: 0.1 },
    });
    const key = (index: number): Matcher => ({ type: 'key', key: `lora:${fleet.devEui(index).toLowerCase()}` });
    const matcherSets: Matcher[][] = [
      [key(0)],
      [key(1), key(2), { type: 'thing', tags: ['south'] }],
      [{ type: 'thing', tags: [' NORTH ', 'pallet'] }],
      [{ type: 'thing', tags: ['north', 'missing'] }],
    ];
    const lines = matcherSets.map((matchers) => ({
      concern: concernOf(matchers) as Concern,
      prepare: compilePrepare(connection({ source: { matchers } })),
      alone: compilePrepare(connection({ source: { matchers } })),
    }));
    const generate = createGenerator(7);
    const seen = { none: 0, passed: 0, concerned: 0 };
    const kinds = new Set<string>();
    for (let i = 0; i < 4_000; i++) {
      const content =
        i % 3 === 0 ? generate().content : i % 20 === 1 ? 'no JSON' : fleet.next(ARRIVED + i * 1000).payload;
      const taken = shared(content);
      const sorted = sort(taken);
      for (const { concern, prepare, alone } of lines) {
        const own = alone(message(content), ARRIVED);
        if (sorted === null || isConcerned(concern, sorted)) {
          seen[sorted === null ? 'none' : 'concerned'] += 1;
          expect(prepare(taken, ARRIVED)).toEqual(own);
          continue;
        }
        seen.passed += 1;
        kinds.add(JSON.stringify(sorted.otherwise));
        expect(own.outcome).toEqual(sorted.otherwise);
      }
    }
    expect(Math.min(...Object.values(seen))).toBeGreaterThan(300);
    expect(kinds.size).toBeGreaterThan(2);
  });

  test('the words for one outcome are one object, so that they can be counted by it', () => {
    const [first, second] = [1, 2].map((n) =>
      sort(shared({ DevEUI_uplink: { DevEUI: `000000000000000${n}`, Time: '2024-06-20T14:51:53.243+02:00' } })),
    );
    expect(first?.device).toBe('0000000000000001');
    expect(first?.otherwise).toBe(second?.otherwise);
  });

  test('a message that names no device, or cannot be read, is for everyone to look at', () => {
    for (const content of ['{', '[]', '{"a":1}', { DevEUI_uplink: { DevEUI: 'x' } }, Buffer.from([0, 0, 0, 0, 7, 1])]) {
      expect(sort(shared(content))).toBeNull();
    }
  });

  test('without matchers a connection is concerned by everything', () => {
    expect(concernOf([])).toBeNull();
  });
});
