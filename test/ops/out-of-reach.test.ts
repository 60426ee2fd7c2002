// What the log says of a broker that is away for long.
import { expect, test } from 'vitest';
import { createLogger } from '../../src/ops/logger.ts';
import { reachLog } from '../../src/ops/out-of-reach.ts';
import { ManualClock } from '../support/manual-clock.ts';

test('a config topic that is away is told when it begins, with each new reason, every ten minutes, and when it is back', async () => {
  const clock = new ManualClock();
  const lines: string[] = [];
  const output = { write: (line: string) => lines.push((JSON.parse(line) as { msg: string }).msg) };
  const logger = await createLogger({ level: 'info', pretty: 'never', colour: false, output });
  const tell = reachLog({ logger, clock, broker: 'log' }, 'The config topic is');
  tell({ up: true });
  tell({ up: false, reason: 'Closed connection' });
  for (let tries = 0; tries < 60; tries++) {
    tell({ up: false, reason: 'nothing listens' });
    await clock.advance(20_000);
  }
  tell({ up: true });
  tell({ up: true });
  tell({ up: false, reason: 'nothing listens' });
  expect(lines).toEqual([
    'The config topic is out of reach: Closed connection',
    'The config topic is out of reach: nothing listens',
    'The config topic is out of reach: nothing listens',
    'The config topic is in reach again.',
    'The config topic is out of reach: nothing listens',
  ]);
});
