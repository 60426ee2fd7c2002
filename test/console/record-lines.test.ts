// A record as lines with the rule behind each: the same text as its JSON, and each line of the nearest field.
import { expect, test } from 'vitest';
import { linesOf, ruleFinder } from '../../src/console/pages/try/record-lines.ts';

const RECORD = {
  id: '0018B20000000B2A',
  position: { lat: 48.8, lng: 2.3, speed: 1 },
  scan: { wlan: [{ mac: 'aa', powrx: -60 }, { mac: 'bb' }] },
  payload: { empty: {}, none: [], text: 'a "b"', nothing: null },
};
const field = (name: string, rule: string | null) => ({ field: name, rule, passedOver: [] });

test('the lines are those of the JSON, each with its field', () => {
  const lines = linesOf(RECORD);
  expect(lines.map(({ text }) => text).join('\n')).toBe(JSON.stringify(RECORD, null, 2));
  const pathOf = (part: string) => lines.find(({ text }) => text.includes(part))?.path;
  expect(pathOf('"lat"')).toBe('position.lat');
  expect(pathOf('"bb"')).toBe('scan.wlan.mac');
  expect(lines[0]).toEqual({ text: '{', path: '' });
});

test('a line has the rule of its field, or of the nearest one around it', () => {
  const ruleOf = ruleFinder([
    field('position', 'a-fix'),
    field('position.speed, position.heading', 'beside-it'),
    field('scan', null),
  ]);
  expect(ruleOf('position')).toEqual({ rule: 'a-fix', depth: 0 });
  expect(ruleOf('position.lat')).toEqual({ rule: 'a-fix', depth: 1 });
  expect(ruleOf('position.heading')).toEqual({ rule: 'beside-it', depth: 0 });
  expect(ruleOf('scan.wlan.mac')).toBeNull();
  expect(ruleOf('positional')).toBeNull();
  expect(ruleOf('')).toBeNull();
});
