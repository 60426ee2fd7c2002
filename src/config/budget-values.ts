// The values of what may grow: journals, dead letters, memory, what is kept for people.
import * as kinds from './value-kinds.ts';
import { type ValueSpec, value } from './value-spec.ts';

const DAY_MS = 24 * 3_600_000;
const MIB = 1024 * 1024;

export const BUDGET_VALUES: readonly ValueSpec[] = [
  ...value(
    'budgets.journalMaxBytes',
    kinds.wholeNumber(MIB, 2 ** 50),
    1024 * MIB,
    'Waiting uplinks on disk, per connection.',
  ),
  ...value(
    'budgets.deadLetterMaxBytes',
    kinds.wholeNumber(0, 2 ** 50),
    256 * MIB,
    'Dead letters on disk, per connection; the oldest go first.',
  ),
  ...value(
    'budgets.deadLetterMaxAgeMs',
    kinds.wholeNumber(60_000, 3650 * DAY_MS),
    30 * DAY_MS,
    'How long a dead letter is kept.',
  ),
  ...value(
    'deadLetters.keepAfterDelete',
    kinds.duration('a sum of d, h, m and s parts such as 7d or 12h30m, up to 3650d; 0s', 3650 * DAY_MS),
    '7d',
    'How long the dead letters of a deleted connection can still be looked at, exported and, once it is defined again, replayed. `0s`: they go with it.',
  ),
  ...value(
    'budgets.publishDeadLetters',
    kinds.yesNo,
    false,
    'New dead letters are published to `{prefix}/dead-letters/{connection}` besides.',
  ),
  ...value(
    'budgets.windowMaxBytes',
    kinds.wholeNumber(MIB, 4096 * MIB),
    16 * MIB,
    'Uplinks in memory, per connection: their records and 500 bytes for each.',
  ),
  ...value(
    'budgets.allJournalsMaxBytes',
    kinds.wholeNumber(MIB, 2 ** 50),
    16 * 1024 * MIB,
    'All journals together. Half of it is split evenly and kept for each connection, the rest is for those that need more.',
  ),
  ...value(
    'budgets.allDeadLettersMaxBytes',
    kinds.wholeNumber(MIB, 2 ** 50),
    4 * 1024 * MIB,
    'All dead letters together, shared in the same way.',
  ),
  ...value(
    'budgets.allWindowsMaxBytes',
    kinds.wholeNumber(MIB, 64 * 1024 * MIB),
    128 * MIB,
    'All uplinks in memory together, shared in the same way.',
  ),
  ...value(
    'budgets.traceMaxUplinks',
    kinds.wholeNumber(0, 10_000_000),
    40_000,
    'Uplinks whose way `here-bridge trace` remembers, per connection: the last 8 of a device; about 75 bytes each. 0: none.',
  ),
  ...value(
    'budgets.eventsMaxCount',
    kinds.wholeNumber(100, 1_000_000),
    10_000,
    'Events kept by the worker; the oldest go first.',
  ),
  ...value(
    'budgets.auditMaxCount',
    kinds.wholeNumber(100, 1_000_000),
    10_000,
    'Audit entries (who changed what) kept by the worker; the oldest go first.',
  ),
];
