// A journal that fills up or fails pauses its source, says so, and goes on by itself.
import { describe, expect, it } from 'vitest';
import { JournalBudget } from '../../src/connections/journal-budget.ts';
import type { NewEvent } from '../../src/domain/events.ts';
import { ModelConnectionStore } from '../support/fakes/model-store.ts';

const MIB = 1_048_576;

function make(): {
  store: ModelConnectionStore;
  budget: JournalBudget;
  said: string[];
  words: string[];
  room: { has: boolean };
} {
  const said: string[] = [];
  const words: string[] = [];
  const room = { has: true };
  const store = new ModelConnectionStore('a', 100 * MIB, new Map());
  const budget = new JournalBudget({
    connectionId: 'a',
    store,
    hasRoom: () => room.has,
    events: {
      emit: (event: NewEvent) => {
        words.push(event.message);
        said.push(event.kind);
      },
    },
    pause: () => said.push('PAUSE'),
    resume: () => said.push('RESUME'),
  });
  return { store, budget, said, words, room };
}

describe('JournalBudget', () => {
  it('says 80 % and full, pauses while full, and goes on below 80 %', () => {
    const { store, budget, said } = make();
    for (const percent of [10, 79, 80, 85, 79, 80, 99, 100, 110, 90, 81]) {
      store.bytes = percent * MIB;
      budget.check();
    }
    expect(said).toEqual(['journalNearlyFull', 'journalFull', 'PAUSE']);
    store.bytes = 79 * MIB;
    budget.check();
    budget.check();
    expect(said.slice(3)).toEqual(['journalHasRoom', 'RESUME']);
    store.bytes = 60 * MIB;
    budget.check();
    store.bytes = 80 * MIB;
    budget.check();
    expect(said.slice(5)).toEqual(['journalNearlyFull']);
  });

  it("takes the line's word that it has no room, and does not call a journal full that is not", () => {
    const { budget, said, words, room } = make();
    room.has = false;
    budget.check();
    expect(said).toEqual(['journalFull', 'PAUSE']);
    expect(words[0]).toMatch(/^The store does not take/);
    room.has = true;
    budget.check();
    expect(said.slice(2)).toEqual(['journalHasRoom', 'RESUME']);
  });

  it('pauses while the disk fails, and stays paused while the journal is full besides', () => {
    const { store, budget, said } = make();
    store.disk(new Error('ENOSPC'));
    store.disk(new Error('ENOSPC'));
    store.bytes = 100 * MIB;
    budget.check();
    expect(said).toEqual(['diskFailed', 'PAUSE', 'journalFull']);
    store.disk(null);
    expect(said.slice(3)).toEqual(['diskBack']);
    store.bytes = 0;
    budget.check();
    expect(said.slice(4)).toEqual(['journalHasRoom', 'RESUME']);
  });
});
