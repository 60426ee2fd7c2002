// Names of sessions at brokers.
import { expect, test } from 'vitest';
import { sessionNames } from '../../src/connections/session-names.ts';

test('no two connections have a name in common, whatever their ids and however often their sources were moved', () => {
  const name = sessionNames('here-bridge');
  expect(name('plant', 0)).toMatch(/^here-bridge-[0-9a-f]{8}-plant$/);
  const ids = ['plant', 'plant-1', 'plant-1-1', 'plant.1', 'plant_1'];
  const names = ids.flatMap((id) => [0, 1, 2, 11].map((generation) => name(id, generation)));
  expect(new Set(names).size).toBe(names.length);
  expect(name('plant', 0)).not.toBe(sessionNames('other')('plant', 0));
});
