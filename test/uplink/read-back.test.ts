// Reading back what waits in the journal: a journal that cannot be read is told, and tried again; one that is being closed is not.
import { expect, test } from 'vitest';
import type { NewEvent } from '../../src/domain/events.ts';
import { ReadBack, type ReadBackParts } from '../../src/uplink/read-back.ts';

async function readInVain(stopped: boolean): Promise<{ told: string[]; again: number[] }> {
  const told: string[] = [];
  const again: number[] = [];
  const parts = {
    connectionId: 'a',
    room: { bytes: 0, count: 0, readyCount: 0 },
    backlog: { wantsReading: () => true, read: () => Promise.reject(new Error('the journal is closed')) },
    intake: { stopped, load: () => {}, giveUp: () => {} },
    events: { emit: ({ kind }: NewEvent) => void told.push(kind) },
    onLoaded: () => {},
    tryAgainIn: (ms: number) => void again.push(ms),
  };
  new ReadBack(parts as unknown as ReadBackParts).next(500);
  await new Promise(setImmediate);
  return { told, again };
}

test('a journal that cannot be read is told, and read again a second later', async () => {
  expect(await readInVain(false)).toEqual({ told: ['diskFailed'], again: [1_000] });
});

test('a line that has stopped tells nothing of a journal that is closed under its read', async () => {
  expect(await readInVain(true)).toEqual({ told: [], again: [] });
});
