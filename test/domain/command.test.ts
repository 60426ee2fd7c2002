// Commands: their states, and a ledger that balances whatever happens to them.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  addCommandLedgers,
  afterFact,
  bookChange,
  bookIgnored,
  bookNew,
  COMMAND_STATES,
  type Command,
  type CommandFact,
  columnOf,
  commandImbalance,
  emptyCommandLedger,
  IGNORE_REASONS,
  isOpen,
  MAX_ATTEMPTS,
} from '../../src/domain/command.ts';

const command: Command = {
  ...{ id: 1, device: '70B3D50000000001', origin: 'shadow', version: 3, era: 0, document: '{}' },
  ...{ desiredAt: 1, seenAt: 2, state: 'waiting', cause: null, attempt: 0, correlationId: null },
  ...{ port: null, confirmed: false, publishedAt: null, changedAt: 2 },
} as const;

const published = (attempt: number): CommandFact => ({
  ...{ kind: 'published', attempt, correlationId: `${attempt}`.padStart(16, '0'), port: 1, confirmed: false },
});

const facts = fc.oneof(
  fc.integer({ min: 1, max: MAX_ATTEMPTS }).map(published),
  fc
    .constantFrom<CommandFact['kind']>(
      ...(['refused', 'superseded', 'expired', 'cancelled', 'sent', 'notSent'] as const),
      ...(['rejected', 'again', 'unreported', 'reported'] as const),
    )
    .map((kind) => ({ kind, cause: 'x' }) as CommandFact),
);

describe('the ledger of commands', () => {
  test('balances, and never counts below nothing, whatever happens in whatever order', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(facts, { maxLength: 20, size: 'max' }), { maxLength: 8 }),
        fc.array(fc.constantFrom(...IGNORE_REASONS), { maxLength: 5 }),
        (lives, ignored) => {
          const ledger = emptyCommandLedger();
          for (const reason of ignored) bookIgnored(ledger, reason);
          const ends = lives.map((life) => {
            bookNew(ledger, command);
            let now = command;
            for (const fact of life) {
              const after = afterFact(now, fact, 5);
              if (after === null) continue;
              bookChange(ledger, now, after);
              now = after;
            }
            return now;
          });
          expect(commandImbalance(ledger)).toBe(0);
          expect(ledger.seen).toBe(lives.length + ignored.length);
          for (const column of ['waiting', 'published', 'superseded', 'refused', 'expired', 'cancelled'] as const) {
            expect(ledger[column]).toBe(ends.filter((end) => columnOf(end) === column).length);
          }
          expect(ledger.fates.confirmed).toBe(ends.filter(({ state }) => state === 'reported').length);
          expect(ledger.fates.rejected).toBe(ends.filter(({ state }) => state === 'rejected').length);
          expect(commandImbalance(addCommandLedgers([ledger, ledger]))).toBe(0);
        },
      ),
    );
  });

  test('what has ended stays as it ended, but for the word of HERE', () => {
    fc.assert(
      fc.property(fc.array(facts, { maxLength: 20, size: 'max' }), facts, (life, last) => {
        let now = command;
        for (const fact of life) now = afterFact(now, fact, 5) ?? now;
        if (isOpen(now)) return;
        const after = afterFact(now, last, 6);
        if (after === null) return;
        const isLateWord = after.state === 'reported' && (now.state === 'sent' || now.state === 'unreported');
        const isGivenUp = now.state === 'notSent';
        expect(isLateWord || isGivenUp).toBe(true);
      }),
    );
  });
});

describe('a command', () => {
  test('is published again after "not sent" three times, and no more', () => {
    let now = command;
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      now = afterFact(now, published(attempt), 10 + attempt) as Command;
      expect(now).toMatchObject({ state: 'published', attempt, publishedAt: 11 });
      now = afterFact(now, { kind: 'notSent', cause: 'B0' }, 20) as Command;
      expect(isOpen(now)).toBe(attempt < MAX_ATTEMPTS);
      const again = afterFact(now, { kind: 'again' }, 21);
      if (attempt === MAX_ATTEMPTS) expect(again).toBeNull();
      else now = again as Command;
    }
    expect(columnOf(now)).toBe('published');
  });

  test('cannot have been sent before it was published, and a report that comes twice counts once', () => {
    expect(afterFact(command, { kind: 'sent' }, 3)).toBeNull();
    const out = afterFact(command, published(1), 3) as Command;
    const sent = afterFact(out, { kind: 'sent' }, 4) as Command;
    expect(sent.state).toBe('sent');
    expect(afterFact(sent, { kind: 'sent' }, 5)).toBeNull();
    expect(COMMAND_STATES).toContain(sent.state);
  });
});
