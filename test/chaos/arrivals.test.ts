// Reading what the simulated HERE wrote down, also after it was killed while it wrote.
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Arrivals, uplinkKey } from '../../src/chaos/arrivals.ts';
import { RecordFile } from '../../src/sandbox/record-file.ts';

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'chaos-arrivals-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

test('takes what is added piece by piece, and never half a line', () => {
  const file = path.join(dir, 'records');
  const first = new RecordFile(file);
  const arrivals = new Arrivals(file);
  first.accepted(1, [['app', 'A', 10]], ['{"a":1}']);
  expect(arrivals.look()).toBe(true);
  expect(arrivals.look()).toBe(false);
  // Killed in the middle of a line, which nobody was told about; then started again.
  appendFileSync(file, '{"at":2,"accepted":[["app","A",20,"x"],["ap');
  arrivals.look();
  const second = new RecordFile(file);
  second.accepted(3, [['app', 'A', 20]], ['{"a":2}']);
  second.accepted(4, [['app', 'A', 10]], ['{"a":1}']);
  second.refused(5, ['other', 'B', 30]);
  second.removed(6, 'other', 'B');
  arrivals.look();
  first.close();
  second.close();
  const project = arrivals.project('app');
  expect([...project.accepted.keys()]).toEqual([uplinkKey('A', 10), uplinkKey('A', 20)]);
  expect(project).toMatchObject({ duplicates: 1, outOfOrder: 0 });
  expect([...arrivals.project('other').refused]).toEqual([uplinkKey('B', 30)]);
  expect(arrivals.project('other').removals).toEqual([{ device: 'B', at: 6 }]);
});
