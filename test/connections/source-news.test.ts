// What a connection's source tells: that it is down and why, that it is back, that a session or records are lost.
import { expect, test } from 'vitest';
import { gapNews, SourceNews } from '../../src/connections/source-news.ts';
import type { NewEvent } from '../../src/domain/events.ts';

function listen() {
  const told: NewEvent[] = [];
  const news = new SourceNews('a', { emit: (event) => void told.push(event) });
  return { told, news };
}

test('a broker that is away is a warning, one that refuses an error, and once that it is back', () => {
  const { told, news } = listen();
  news.heard({ kind: 'up', sessionLost: false }, 'main');
  expect(told).toEqual([]);
  news.heard({ kind: 'down', reason: 'nothing listens.', fatal: false }, 'main');
  news.heard({ kind: 'down', reason: 'not authorized', fatal: true }, 'main');
  expect(told).toMatchObject([
    {
      kind: 'sourceDown',
      severity: 'warning',
      connectionId: 'a',
      message: expect.stringMatching(/listens\. It is tri/),
    },
    {
      kind: 'sourceDown',
      severity: 'error',
      connectionId: 'a',
      message: expect.stringMatching(/authorized\..* mend it/),
    },
  ]);
  expect(news.state).toEqual({ broker: 'main', up: false, reason: 'not authorized' });
  told.length = 0;
  news.heard({ kind: 'up', sessionLost: false }, 'main');
  news.heard({ kind: 'up', sessionLost: false }, 'main');
  expect(told).toMatchObject([{ kind: 'sourceUp', severity: 'info', message: 'The broker "main" is back.' }]);
  expect(news.state).toEqual({ broker: 'main', up: true, reason: null });
});

test('a topic that is not there is told by its name, and that it is there', () => {
  const { told, news } = listen();
  news.heard({ kind: 'down', reason: 'no such topic', fatal: false, topic: 'uplinks' }, 'log');
  news.heard({ kind: 'up', sessionLost: false }, 'log');
  expect(told).toMatchObject([
    {
      kind: 'sourceDown',
      severity: 'warning',
      message: expect.stringMatching(/^The topic "uplinks" on the broker "log" c/),
    },
    { kind: 'sourceUp', severity: 'info', message: 'The topic "uplinks" on the broker "log" is back.' },
  ]);
});

test('a session that the broker no longer had is a warning', () => {
  const { told, news } = listen();
  news.heard({ kind: 'up', sessionLost: true }, 'main');
  expect(told).toMatchObject([{ kind: 'sessionLost', severity: 'warning', connectionId: 'a' }]);
});

test('a source that waits for room in the journal is no news', () => {
  const { told, news } = listen();
  news.heard({ kind: 'paused' }, 'main');
  expect(told).toEqual([]);
  expect(news.state).toMatchObject({ up: false, reason: expect.stringContaining('Paused') });
});

test('records that Kafka deleted before they were read are an error, with how many where that is known', () => {
  const gap = { topic: 'uplinks', partition: 2, from: 10, to: 25, isAnother: false };
  const told = [gap, { ...gap, from: 25, to: 10 }, { ...gap, isAnother: true }].map((one) => gapNews('a', 'log', one));
  for (const event of told) {
    expect(event).toMatchObject({ kind: 'uplinksMissed', severity: 'error', connectionId: 'a' });
  }
  expect(told.map(({ key, count }) => [key, count])).toEqual([
    ['uplinks:2', 15],
    ['uplinks:2', undefined],
    ['uplinks', undefined],
  ]);
  expect(told.map(({ message }) => message)).toEqual([
    expect.stringContaining('offsets 10 to 24'),
    expect.stringContaining('ends before what was read already'),
    expect.stringContaining('deleted the topic "uplinks"'),
  ]);
});
