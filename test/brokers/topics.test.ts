// Topic filters as MQTT 3.1.1, section 4.7, has them.
import { expect, test } from 'vitest';
import { isTopicFilter, TopicTree } from '../../src/brokers/topics.ts';

// filter, topics that match, topics that do not: the examples of section 4.7 and their neighbours
const CASES: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ['sport/tennis/player1/#', ['sport/tennis/player1', 'sport/tennis/player1/ranking'], ['sport/tennis/player2']],
  ['sport/#', ['sport', 'sport/', 'sport/a/b'], ['sports', '$sport']],
  ['#', ['a', '/', 'a/b/c'], ['$SYS/broker', '$SYS']],
  ['sport/tennis/+', ['sport/tennis/player1', 'sport/tennis/'], ['sport/tennis', 'sport/tennis/player1/ranking']],
  ['+', ['finance'], ['/finance', '$SYS']],
  ['+/+', ['/finance', 'a/b'], ['finance', '$SYS/b']],
  ['/+', ['/finance'], ['finance']],
  ['+/tennis/#', ['a/tennis', 'a/tennis/b'], ['tennis', '$SYS/tennis']],
  ['$SYS/#', ['$SYS', '$SYS/a'], ['SYS']],
  ['$SYS/+/load', ['$SYS/a/load'], ['$SYS/load']],
  ['a/b', ['a/b'], ['a', 'a/b/', 'A/b']],
  ['__proto__/+', ['__proto__/constructor'], ['constructor/a']],
];

test.each(CASES)('%s matches what it should', (filter, matching, others) => {
  const tree = new TopicTree<string>();
  tree.add(filter, 'x');
  for (const topic of matching) expect([topic, [...tree.match(topic)]]).toEqual([topic, ['x']]);
  for (const topic of others) expect([topic, [...tree.match(topic)]]).toEqual([topic, []]);
  tree.remove(filter, 'x');
  for (const topic of matching) expect([topic, [...tree.match(topic)]]).toEqual([topic, []]);
});

test('a value comes once, however many of its filters match, and filters are removed one by one', () => {
  const tree = new TopicTree<string>();
  for (const filter of ['a/#', 'a/+', 'a/b', '#']) tree.add(filter, 'one');
  tree.add('a/b', 'two');
  expect([...tree.match('a/b')].sort()).toEqual(['one', 'two']);
  tree.remove('a/b', 'one');
  tree.remove('a/b', 'absent');
  tree.remove('x/y/z', 'one');
  expect([...tree.match('a/b')].sort()).toEqual(['one', 'two']);
  for (const filter of ['a/#', 'a/+', '#']) tree.remove(filter, 'one');
  expect([...tree.match('a/b')]).toEqual(['two']);
});

test('wildcards stand alone between slashes, the one for all levels at the end', () => {
  for (const filter of ['a', '/', '#', '+', '+/#', 'a/+/b', 'a//b'])
    expect([filter, isTopicFilter(filter)]).toEqual([filter, true]);
  for (const filter of ['', 'a#', '#/a', 'a+/b', 'a/b+', 'a/#/b', 'a\0'])
    expect([filter, isTopicFilter(filter)]).toEqual([filter, false]);
});
