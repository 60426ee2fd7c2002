import { expect, test } from 'vitest';
import { AuditLog } from '../../src/access/audit-log.ts';
import type { AuditEntry } from '../../src/domain/access.ts';
import { ManualClock } from '../support/manual-clock.ts';

function setUp(): { audit: AuditLog; kept: AuditEntry[]; clock: ManualClock } {
  const clock = new ManualClock();
  const kept: AuditEntry[] = [];
  const store = { append: (entry: AuditEntry) => kept.push(entry), list: () => [] };
  return { audit: new AuditLog({ clock, store, onEntry: () => {}, onStoreError: () => {} }), kept, clock };
}

const entry = {
  who: 'anna',
  kind: 'session',
  action: 'PUT /connections/:id',
  target: 'a',
  from: '192.0.2.1',
  detail: null,
} as const;

test('ids sort by time, also when the clock steps back', async () => {
  const { audit, kept, clock } = setUp();
  for (let n = 0; n < 50; n++) audit.note({ ...entry, outcome: 'done' });
  clock.stepWall(-3_600_000);
  audit.note({ ...entry, outcome: 'done' });
  const ids = kept.map(({ id }) => id);
  expect(ids).toEqual([...ids].sort());
  expect(new Set(ids).size).toBe(51);
});

test('whoever is refused ten thousand times pushes nothing out, and how many were left out is told', async () => {
  const { audit, kept, clock } = setUp();
  for (let n = 0; n < 10_000; n++) audit.note({ ...entry, outcome: 'refused' });
  for (let n = 0; n < 10_000; n++) audit.note({ ...entry, who: `name ${n}`, from: `${n}`, outcome: 'refused' });
  expect(kept).toHaveLength(200);
  for (let n = 0; n < 300; n++) audit.note({ ...entry, outcome: 'done' });
  expect(kept).toHaveLength(500);
  await clock.advance(60_000);
  audit.note({ ...entry, outcome: 'refused' });
  expect(kept.at(-1)?.detail).toBe('9810 other refusals since the last one are not kept');
});

test('line breaks and endless names of strangers do not get in', () => {
  const { audit, kept } = setUp();
  audit.note({ ...entry, who: `x\n{"level":"fatal"}`, target: 'y'.repeat(1000), outcome: 'done' });
  expect(kept[0]).toMatchObject({ who: 'x {"level":"fatal"}', target: `${'y'.repeat(128)}…` });
});
