import { describe, expect, test } from 'vitest';
import { checkTopicPattern, compileTopicPattern } from '../../src/uplink/topic-pattern.ts';

const root = {
  DevEUI: '0018b20000000b20',
  FPort: 7,
  CustomerData: { name: 'My Device', tags: ['site=Paris', 'Paris:North', 'a/b'], doms: [{ n: 'France', g: 'Site' }] },
  empty: '',
};
const DEVICE = '0018B20000000B20';

function rendered(pattern: string, from: typeof root | null = root): string {
  const result = compileTopicPattern(pattern).render(from, DEVICE);
  return result.ok ? result.topic : `refused: ${result.reason}`;
}

describe('A topic pattern', () => {
  test('subscribes with + in the level of each placeholder', () => {
    expect(compileTopicPattern('mqtt/things/{DevEUI}/uplink').subscription).toBe('mqtt/things/+/uplink');
    expect(compileTopicPattern('a/dev-{DevEUI}-x/{FPort}').subscription).toBe('a/+/+');
    const deep = 'iot/devices/{DevEUI}/tags/{$..CustomerData.tags[?(@ =~ /Paris:.*/)]}';
    expect(compileTopicPattern(deep).subscription).toBe('iot/devices/+/tags/+');
  });

  test('finds the DevEUI of a topic that it fits', () => {
    const pattern = compileTopicPattern('mqtt/things/{DevEUI}/uplink');
    expect(pattern.devEuiOf('mqtt/things/0018b20000000b20/uplink')).toBe(DEVICE);
    expect(pattern.devEuiOf('mqtt/things/00-18-b2-00-00-00-0b-20/uplink')).toBe(DEVICE);
    for (const other of [
      'mqtt/things/x/uplink',
      `mqtt/things/${DEVICE}`,
      `mqtt/things/${DEVICE}/uplink/x`,
      `a/things/${DEVICE}/uplink`,
    ]) {
      expect(pattern.devEuiOf(other)).toBeNull();
    }
    expect(compileTopicPattern('a/t-{DevEUI}_{FPort}/u').devEuiOf(`a/t-${DEVICE}_7/u`)).toBe(DEVICE);
    expect(compileTopicPattern('a/{FPort}').devEuiOf(`a/${DEVICE}`)).toBeNull();
  });

  test('is filled from the uplink', () => {
    expect(rendered('mqtt/thing/{DevEUI}/{FPort}/uplink')).toBe(`mqtt/thing/${DEVICE}/7/uplink`);
    expect(rendered('t/{$..CustomerData.tags[?(@ =~ /Paris:.*/)]}')).toBe('t/Paris:North');
    expect(rendered('t/{$.CustomerData.tags[0]}')).toBe('t/site=Paris');
    expect(rendered("t/{CustomerData['name']}")).toBe('t/My Device');
    expect(rendered("t/{$..doms[?(@.g == 'Site')].n}")).toBe('t/France');
    expect(rendered("t/{$..doms[?(@.g == 'Site' && @.n != 'Spain')].n}")).toBe('t/France');
    expect(rendered("t/{CustomerData.doms[?(@.g == 'City' || @.n)].n}")).toBe('t/France');
  });

  test('falls back in order, at last to a literal', () => {
    expect(rendered('t/{CustomerData.name|DevEUI}')).toBe('t/My Device');
    expect(rendered("t/{nothing|empty|CustomerData.title|'None'}")).toBe('t/None');
    expect(rendered("t/{CustomerData.name|DevEUI|'None'}", null)).toBe(`t/${DEVICE}`);
  });

  test('refuses a value that is nothing or would change the levels', () => {
    expect(rendered('t/{nothing}')).toContain('finds nothing');
    expect(rendered('t/{$..tags[2]}')).toContain('has a /');
    for (const char of ['#', '+', '/', '\u0000']) {
      const result = compileTopicPattern('t/{name}').render({ name: `a${char}b` }, DEVICE);
      expect(result.ok).toBe(false);
    }
    expect(compileTopicPattern('t/{name}').render({ name: 'x'.repeat(5000) }, DEVICE).ok).toBe(false);
    expect(compileTopicPattern('t/{name}').render({ name: { a: 1 } }, DEVICE).ok).toBe(false);
  });

  test.each([
    ['', 'must not be empty'],
    ['a/{DevEUI', 'close each placeholder'],
    ['a/DevEUI}', 'open each placeholder'],
    ['a/{}', 'empty placeholder'],
    ['a/{DevEUI|}', 'empty placeholder or fallback'],
    ['a/#', 'must not hold #, +'],
    ['a/+/b', 'must not hold #, +'],
    ["a/{'x/y'}", 'has a /'],
    ['a/{$..tags[?(@.length > 3]}', ') was expected'],
    ['a/{$..tags[(@.length-1)]}', 'was expected'],
    ['a/{require("fs")}', 'must hold a JSONPath'],
    ['a/{$..tags[?(@ =~ /(a+)+b/)]}', 'a group that is repeated'],
    ['a/{$..tags[?(@ =~ /(a|a)*b/)]}', 'a group that is repeated'],
    ['a/{$..tags[?(@ =~ /a{40}b{20}/)]}', 'counts above 50'],
    ['a/{$..tags[?(@ =~ /(?=a)b/)]}', 'look-around'],
    ['a/{$..tags[?(@ =~ /(a)\\1/)]}', 'back-reference'],
    ['a/{$..tags[?(@ =~ /[/)]}', 'must'],
    [`a/{${'x'.repeat(600)}}`, 'at most 512'],
  ])('%j is refused: %s', (pattern, words) => {
    expect(checkTopicPattern(pattern)).toContain(words);
    expect(() => compileTopicPattern(pattern)).toThrow(/The topic pattern must/);
  });

  test('accepts what it should', () => {
    for (const pattern of [
      'a',
      'mqtt/things/{DevEUI}/uplink',
      "{CustomerData.name|DevEUI|'None'}",
      'a/{$..tags[*]}',
      "a/{$['x y'].*}",
    ]) {
      expect(checkTopicPattern(pattern)).toBeNull();
    }
  });

  test('is quick on the worst text that a pattern may meet', () => {
    const { render } = compileTopicPattern(
      'a/{$..tags[?(@ =~ /.*a.*a.*.*(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)b/)]}',
    );
    const started = process.cpuUsage().user;
    const result = render({ tags: Array.from({ length: 200 }, () => 'a'.repeat(200)) }, DEVICE);
    expect(result.ok).toBe(false);
    expect((process.cpuUsage().user - started) / 1000).toBeLessThan(1000);
  });

  // Of all texts of the uplink, those that a rendering has looked at.
  function seenOf(texts: readonly string[], pattern: string): { readonly seen: number; readonly result: string } {
    let seen = 0;
    const t = new Proxy([...texts], {
      get(target, key) {
        if (typeof key === 'string' && /^\d+$/.test(key)) seen += 1;
        return Reflect.get(target, key);
      },
    });
    const result = compileTopicPattern(pattern).render({ t }, DEVICE);
    return { seen, result: result.ok ? result.topic : result.reason };
  }
  const COSTLY = `$.t[?(@ =~ /${'.*'.repeat(45)}b/)]`;

  test('looks at few texts where each is costly, all fallbacks together', () => {
    const texts = Array.from({ length: 1200 }, () => 'a'.repeat(200));
    const { seen, result } = seenOf(texts, `mqtt/{${COSTLY}|${COSTLY}|${COSTLY}|DevEUI}/down`);
    expect(result).toContain('takes too many steps');
    expect(seen).toBeLessThan(20);
  });

  test('looks at all tags that a device may have', () => {
    const texts = Array.from({ length: 500 }, (_, at) => `Site:North wing, floor ${at}`);
    const { seen, result } = seenOf([...texts, 'Paris:North'], 'mqtt/{$.t[?(@ =~ /Paris:.*/)]|DevEUI}/down');
    expect(result).toBe('mqtt/Paris:North/down');
    expect(seen).toBe(501);
  });

  test('takes what it has found before it became too much, and no fallback after that', () => {
    const costly = Array.from({ length: 1200 }, () => 'a'.repeat(200));
    expect(seenOf(['ab', ...costly], `mqtt/{${COSTLY}|DevEUI}/down`).result).toBe('mqtt/ab/down');
    expect(seenOf(costly, `mqtt/{${COSTLY}|'none'}/{DevEUI}`).result).toContain('takes too many steps');
    expect(seenOf(['ab', ...costly], `mqtt/{${COSTLY}|DevEUI}/{DevEUI}`).result).toBe(`mqtt/ab/${DEVICE}`);
  });

  test('survives documents that are deep, wide or strange', () => {
    let deep: unknown = 'x';
    for (let i = 0; i < 5000; i++) deep = { deep };
    const pattern = compileTopicPattern('a/{$..name}');
    expect(pattern.render({ deep }, DEVICE).ok).toBe(false);
    const strange = JSON.parse('{"__proto__": {"name": "x"}, "constructor": 1}');
    expect(compileTopicPattern('a/{$.name}').render(strange, DEVICE).ok).toBe(false);
    expect(compileTopicPattern('a/{$.toString}').render({}, DEVICE).ok).toBe(false);
  });
});
