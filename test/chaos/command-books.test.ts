// The judge's books of commands: what is missing, what came twice, and what excuses it.
import { describe, expect, test } from 'vitest';
import { type CommandTroubles, type Desired, judgeCommands, ledgerFault } from '../../src/chaos/command-books.ts';
import { emptyCommandLedger } from '../../src/domain/command.ts';

const CALM: CommandTroubles = { disturbed: [], hereKills: [], removals: [], brokerKills: [] };
const desire = (hex: string, at: number, device = 'd1'): Desired => ({
  connectionId: 'a',
  device,
  hex,
  at,
  taken: true,
});
const got = (hex: string, at: number, correlationId = `of ${hex}`) => ({ hex, at, correlationId });

describe('commands are judged', () => {
  test('one that the network never got is missing, unless a newer one took its place', () => {
    const desires = [desire('01', 1_000), desire('02', 2_000), desire('03', 3_000, 'd2')];
    expect(judgeCommands(desires, [got('02', 2_500)], CALM)).toMatchObject({
      ...{ desired: 3, received: 1, superseded: 1, missing: ['d2 03'], duplicates: 0, unexplained: [] },
    });
  });

  test('a newer one takes its place within the same millisecond too', () => {
    const desires = [desire('01', 1_000), desire('02', 1_000)];
    expect(judgeCommands(desires, [got('02', 2_500)], CALM)).toMatchObject({ received: 1, superseded: 1, missing: [] });
    expect(judgeCommands(desires, [got('01', 1_500)], CALM)).toMatchObject({ received: 1, missing: ['d1 02'] });
  });

  test('a kill of HERE, or of Mosquitto, excuses what was desired before it, and nothing after', () => {
    const desires = [desire('01', 1_000), desire('02', 90_000, 'd2')];
    expect(judgeCommands(desires, [], { ...CALM, hereKills: [5_000] })).toMatchObject({
      ...{ hereLost: 1, missing: ['d2 02'] },
    });
    const brokerKills = [{ from: 5_000, to: 6_000 }];
    expect(judgeCommands(desires, [], { ...CALM, brokerKills })).toMatchObject({ brokerLost: 1, missing: ['d2 02'] });
  });

  test('a device that HERE has taken away excuses what was desired of it before', () => {
    const desires = [desire('01', 1_000), desire('02', 2_000, 'd2'), desire('03', 9_000, 'd3')];
    const removals = [
      { device: 'd1', at: 5_000 },
      { device: 'd3', at: 5_000 },
    ];
    expect(judgeCommands(desires, [], { ...CALM, removals })).toMatchObject({
      hereLost: 1,
      missing: ['d2 02', 'd3 03'],
    });
  });

  test('a copy needs trouble and the same CorrelationID', () => {
    const twice = [got('01', 2_000), got('01', 4_000)];
    const desires = [desire('01', 1_000)];
    expect(judgeCommands(desires, twice, CALM).unexplained).toEqual(['01 came again at 1970-01-01T00:00:04.000Z']);
    const disturbed = [{ from: 2_500, to: 3_000 }];
    expect(judgeCommands(desires, twice, { ...CALM, disturbed })).toMatchObject({ duplicates: 1, unexplained: [] });
    const other = [got('01', 2_000), got('01', 4_000, 'another')];
    expect(judgeCommands(desires, other, { ...CALM, disturbed }).unexplained).toHaveLength(1);
    expect(judgeCommands([], [got('01', 2_000)], CALM).unexplained).toEqual(['01 was never desired']);
  });

  test('what HERE may not have taken is not missed, and may come', () => {
    const desires = [{ ...desire('01', 1_000), taken: false }];
    expect(judgeCommands(desires, [], CALM)).toMatchObject({ desired: 0, missing: [] });
    expect(judgeCommands(desires, [got('01', 2_000)], CALM).unexplained).toEqual([]);
  });

  test('a ledger must balance, have nothing waiting, and know what the network got', () => {
    const ledger = { ...emptyCommandLedger(), seen: 2, published: 2 };
    expect(ledgerFault(ledger, 0, 0, 2)).toBeNull();
    expect(ledgerFault(ledger, 1, 0, 2)).toContain('off by 1');
    expect(ledgerFault(ledger, 0, 1, 2)).toContain('what waits');
    expect(ledgerFault({ ...ledger, waiting: 1 }, 0, 0, 2)).toContain('1 still wait');
    expect(ledgerFault(ledger, 0, 0, 3)).toContain('the network got 3');
  });
});
