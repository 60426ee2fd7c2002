// What the settings of an uplink topic cost a bridge that is away, and what would mend them.
import { describe, expect, it } from 'vitest';
import { judgeRetention, KEEP_MS } from '../../src/brokers/kafka-retention.ts';

const HOUR_MS = 3_600_000;

function judge(
  given: Readonly<Record<string, string>>,
  { keepMs = KEEP_MS, uplinksPerHour = 0 }: { keepMs?: number; uplinksPerHour?: number } = {},
) {
  const usual = { 'cleanup.policy': 'delete', 'retention.ms': '604800000', 'retention.bytes': '-1' };
  const settings = new Map<string, string | null>(Object.entries({ ...usual, 'min.compaction.lag.ms': '0', ...given }));
  const { problems, mends } = judgeRetention({ settings, keepMs, uplinksPerHour });
  return { problems: problems.join(' '), mends };
}

const FINE = { problems: '', mends: {} };

describe('A topic of uplinks', () => {
  it('is fine with Kafka’s own settings, and without any bound', () => {
    expect(judge({})).toEqual(FINE);
    expect(judge({ 'retention.ms': '-1' })).toEqual(FINE);
    expect(judge({ 'retention.ms': String(KEEP_MS) })).toEqual(FINE);
  });

  it.each(['compact', 'compact,delete', 'delete,compact'])(
    'with %s loses all but the last uplink of a key',
    (policy) => {
      const { problems, mends } = judge({ 'cleanup.policy': policy });
      expect(problems).toContain(`cleanup.policy is "${policy}" and must be "delete": of each key`);
      expect(mends).toEqual({ 'cleanup.policy': 'delete' });
    },
  );

  it('may be compacted where the young are left alone for long enough', () => {
    expect(judge({ 'cleanup.policy': 'compact', 'min.compaction.lag.ms': String(KEEP_MS) })).toEqual(FINE);
    expect(judge({ 'cleanup.policy': 'compact', 'min.compaction.lag.ms': '1000' }).problems).not.toBe('');
  });

  it('that is compacted alone is not deleted by age or size', () => {
    const { mends } = judge({ 'cleanup.policy': 'compact', 'retention.ms': '1000', 'retention.bytes': '1000' });
    expect(mends).toEqual({ 'cleanup.policy': 'delete' });
  });

  it.each([
    ['30000', '30 s'],
    ['600000', '10 min'],
    ['7200000', '2 h'],
    ['86399999', '23 h'],
  ])('that keeps uplinks for %s ms says how long a bridge may be away', (ms, time) => {
    const { problems, mends } = judge({ 'retention.ms': ms });
    expect(problems).toBe(`retention.ms is ${ms}: a bridge that is away for longer than ${time} loses uplinks.`);
    expect(mends).toEqual({ 'retention.ms': '604800000' });
  });

  it('need not keep them for longer than they are of use', () => {
    expect(judge({ 'retention.ms': String(HOUR_MS) }, { keepMs: HOUR_MS })).toEqual(FINE);
    expect(judge({ 'retention.ms': String(HOUR_MS - 1) }, { keepMs: HOUR_MS }).problems).toContain('59 min');
  });

  it('that is bound by size lasts as long as its pace says; without any, one a second is taken', () => {
    const bytes = { 'retention.bytes': '36000000' };
    expect(judge(bytes)).toEqual({
      problems:
        'retention.bytes is 36000000 for each partition: at one a second, with 1 kB each, a bridge that is away for longer than 10 h loses uplinks.',
      mends: { 'retention.bytes': '-1' },
    });
    expect(judge(bytes, { uplinksPerHour: 36_000 }).problems).toMatch(
      /at the pace of the last hour.* than 60 min loses/,
    );
    expect(judge(bytes, { uplinksPerHour: 100 })).toEqual(FINE);
    expect(judge({ 'retention.bytes': '100000000' })).toEqual(FINE);
  });

  it('is told of all that is wrong at once', () => {
    const { mends } = judge({ 'cleanup.policy': 'compact,delete', 'retention.ms': '1000', 'retention.bytes': '1000' });
    expect(Object.keys(mends)).toEqual(['cleanup.policy', 'retention.ms', 'retention.bytes']);
  });
});
