// The verdict: a round is good when nothing is lost and nothing was seen that only a defect explains.
import { describe, expect, test } from 'vitest';
import { Notes } from '../../src/chaos/notes.ts';
import type { RoundResult } from '../../src/chaos/round.ts';
import { Tally } from '../../src/chaos/verdict.ts';

function round(seen: Partial<Pick<RoundResult, 'alarms' | 'remarks'>>): RoundResult {
  const commands = { desired: 1, received: 1, superseded: 0, missing: [], hereLost: 0, brokerLost: 0, duplicates: 0 };
  return {
    judgements: {},
    commands: { ...commands, unexplained: [], imbalances: [] },
    recoveryMs: [100],
    faults: ['killBridge'],
    kills: 1,
    alarms: [],
    remarks: [],
    ...seen,
  };
}

function verdictOf(...results: readonly RoundResult[]) {
  const tally = new Tally(results.length, 1);
  for (const result of results) tally.add(result);
  return tally.verdict();
}

describe('The verdict', () => {
  test('is not ok with an alarm, and counts them', () => {
    expect(verdictOf(round({}), round({ alarms: ['a', 'b'] }))).toMatchObject({ alarms: 2, ok: false });
  });

  test('lets remarks be', () => {
    expect(verdictOf(round({ remarks: ['a'] }))).toMatchObject({ alarms: 0, ok: true });
  });
});

describe('What is seen beside the books', () => {
  function seen(look: (notes: Notes) => void): Pick<Notes, 'alarms' | 'remarks'> {
    const notes = new Notes();
    look(notes);
    return { alarms: notes.alarms, remarks: notes.remarks };
  }

  test('a bridge that ends by itself: a full disk and a held lock explain it, nothing else does', () => {
    for (const code of [69, 75]) {
      const remarks = [`the bridge ended by itself with ${code}`];
      expect(seen((notes) => notes.ended({ code, signal: null }))).toEqual({ alarms: [], remarks });
    }
    for (const code of [0, 1, 70, 78]) {
      const alarms = [`the bridge ended by itself with ${code}`];
      expect(seen((notes) => notes.ended({ code, signal: null }))).toEqual({ alarms, remarks: [] });
    }
    const alarms = ['the bridge ended by itself with SIGSEGV'];
    expect(seen((notes) => notes.ended({ code: null, signal: 'SIGSEGV' }))).toEqual({ alarms, remarks: [] });
  });

  test('a bridge that is told to stop ends with 0; amid faults it may be too young for it, or about to end', () => {
    const nothing = { alarms: [], remarks: [] };
    for (const amidFaults of [true, false]) {
      expect(seen((notes) => notes.stopped({ code: 0, signal: null }, amidFaults))).toEqual(nothing);
      const late = seen((notes) => notes.stopped({ code: 1, signal: null }, amidFaults));
      expect(late).toEqual({ alarms: ['told to stop, the bridge ended with 1'], remarks: [] });
      const killed = seen((notes) => notes.stopped({ code: null, signal: 'SIGKILL' }, amidFaults));
      expect(killed).toEqual({ alarms: ['told to stop, the bridge ended with SIGKILL'], remarks: [] });
    }
    expect(seen((notes) => notes.stopped({ code: null, signal: 'SIGTERM' }, true))).toEqual(nothing);
    expect(seen((notes) => notes.stopped({ code: null, signal: 'SIGTERM' }, false)).alarms).toHaveLength(1);
    expect(seen((notes) => notes.stopped({ code: 69, signal: null }, true)).remarks).toHaveLength(1);
    expect(seen((notes) => notes.stopped({ code: 69, signal: null }, false)).alarms).toHaveLength(1);
  });

  test('uplinks without a PUBACK, and events that no fault causes', () => {
    const message = 'm';
    const { alarms, remarks } = seen((notes) => {
      notes.unanswered(0);
      notes.unanswered(2);
      notes.events([
        { kind: 'ledgerImbalance', message },
        { kind: 'sourceDown', message },
        { kind: 'storeSetAside', message },
      ]);
    });
    expect(remarks).toEqual([]);
    expect(alarms).toEqual([
      '2 uplinks were never acknowledged to their publisher',
      'event ledgerImbalance: m',
      'event storeSetAside: m',
    ]);
  });
});
