// A worker that ends: each part has its turn, whatever another does.
import { expect, test } from 'vitest';
import { stopAll } from '../../src/bridge/stop-all.ts';

test('a part that fails to stop keeps none of the others, and the first failure is told at the end', async () => {
  const ended: string[] = [];
  const stops = [
    () => void ended.push('store'),
    async () => {
      throw new Error('the second');
    },
    () => void ended.push('broker'),
    () => {
      throw new Error('the first');
    },
  ];
  await expect(stopAll(stops)).rejects.toThrow('the first');
  expect(ended).toEqual(['broker', 'store']);
  await stopAll(stops);
});
