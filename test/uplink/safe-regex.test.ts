// Patterns of definitions: they match what JavaScript's own would, and none of them can take long.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compileSafeRegex } from '../../src/uplink/safe-regex.ts';

function matches(source: string, text: string, ignoreCase = false): boolean {
  const compiled = compileSafeRegex(source, ignoreCase);
  if (typeof compiled === 'string') throw new Error(compiled);
  return compiled.matches(text, { left: 1_000_000 });
}

describe('A pattern', () => {
  const atom = fc.constantFrom(
    'a',
    'B',
    '.',
    '[ab]',
    '[^a]',
    '\\d',
    '\\w',
    '\\.',
    '\\x41',
    '\\u{1f600}',
    '\\ud83d\\ude00',
    'é',
  );
  const quantifier = fc.constantFrom('', '', '*', '+', '?', '{2}', '{1,}', '{0,2}', '{1,3}');
  const place = fc.constantFrom('^', '$', '\\b', '\\B');
  const { pattern } = fc.letrec<{ pattern: string; row: string; item: string }>((tie) => ({
    pattern: fc.array(tie('row'), { minLength: 1, maxLength: 3 }).map((rows) => rows.join('|')),
    row: fc.array(tie('item'), { maxLength: 4 }).map((items) => items.join('')),
    item: fc.oneof(
      { maxDepth: 2 },
      { weight: 6, arbitrary: fc.tuple(atom, quantifier).map((parts) => parts.join('')) },
      { weight: 1, arbitrary: place },
      {
        weight: 2,
        arbitrary: fc.tuple(fc.constantFrom('(', '(?:'), tie('pattern')).map(([open, inside]) => `${open}${inside})`),
      },
    ),
  }));
  const text = fc.string({
    unit: fc.constantFrom('a', 'A', 'b', 'B', '1', '.', ' ', '\n', 'é', 'É', '😀', 'ſ'),
    maxLength: 8,
  });

  test('matches what JavaScript’s own matches', () => {
    fc.assert(
      fc.property(pattern, text, fc.boolean(), (source, given, ignoreCase) => {
        fc.pre(source.length <= 100);
        const expected = new RegExp(`^(?:${source})$`, ignoreCase ? 'isu' : 'su').test(given);
        expect(matches(source, given, ignoreCase)).toBe(expected);
      }),
      { numRuns: 500 },
    );
  });

  test('matches a text as a whole, of 200 characters at most', () => {
    expect(matches('Paris:.*', 'Paris:North')).toBe(true);
    expect(matches('Paris', 'Paris:North')).toBe(false);
    expect(matches('paris:.*', 'Paris:North', true)).toBe(true);
    expect(matches('a*', 'a'.repeat(200))).toBe(true);
    expect(matches('a*', 'a'.repeat(201))).toBe(false);
  });

  test.each([
    `a*a*a*${'(a|a)'.repeat(18)}b`,
    `${'(a|a)'.repeat(19)}b`,
    `${'a?'.repeat(49)}b`,
    '.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*b',
    `${'((a|a)|(a|a))'.repeat(7)}b`,
  ])('takes no time, whatever it is: %s', (source) => {
    const started = process.cpuUsage().user;
    expect(matches(source, 'a'.repeat(200))).toBe(false);
    // Backtracking would take seconds, or longer than the earth has been there.
    expect((process.cpuUsage().user - started) / 1000).toBeLessThan(200);
  });

  test('takes each step of the work that is left, and matches nothing without any', () => {
    const compiled = compileSafeRegex(`${'.*'.repeat(45)}b`, false);
    if (typeof compiled === 'string') throw new Error(compiled);
    const text = `${'a'.repeat(199)}b`;
    const plenty = { left: 1_000_000 };
    expect(compiled.matches(text, plenty)).toBe(true);
    const needed = 1_000_000 - plenty.left;
    // Some 90 steps of the pattern for each character, however the steps are counted.
    expect(needed).toBeGreaterThan(200 * 90);
    expect(needed).toBeLessThan(200 * 90 * 4);
    expect(compiled.matches(text, { left: needed })).toBe(true);
    const few = { left: Math.round(needed / 2) };
    expect(compiled.matches(text, few)).toBe(false);
    // It ends within the steps of one character.
    expect(few.left).toBeGreaterThan(-500);
    expect(compiled.matches('b', few)).toBe(false);
  });

  test.each([
    ['(a+)+b', 'a group that is repeated'],
    ['(a|a)*b', 'a group that is repeated'],
    ['(a|b){2}', 'a group that is repeated'],
    ['(?=a)b', 'a look-around'],
    ['(?<n>a)', 'a look-around or named group'],
    ['(?i:a)', 'a look-around or named group'],
    ['(a)\\1', 'a back-reference'],
    ['a*?', 'a quantifier after a quantifier'],
    ['a{40}b{11}', 'counts above 50'],
    ['a)(b', 'is not a regular expression'],
    ['[', 'is not a regular expression'],
    ['x'.repeat(101), 'more than 100 characters'],
  ])('is refused in words: %s', (source, words) => {
    expect(compileSafeRegex(source, false)).toContain(words);
  });
});
