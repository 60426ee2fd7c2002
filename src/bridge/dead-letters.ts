// Dead letters, expired uplinks and ledgers for the admin interface, of connections that run and of those that do not.
import type { Definitions } from '../connections/definitions.ts';
import { imbalance, type Ledger } from '../domain/ledger.ts';
import type { Clock } from '../domain/ports/clock.ts';
import type { DeadLetterBox, LedgerView, LetterControl, LetterRefusal } from '../domain/ports/dead-letters.ts';
import type { BridgeStore } from '../domain/ports/store.ts';
import { replayDeadLetters } from '../uplink/replay.ts';
import type { LiveLine, Views } from './views.ts';

export interface LetterControlOptions {
  readonly store: Pick<BridgeStore, 'deadLetters' | 'expired' | 'keptLetters'>;
  /** 0 by default. */
  readonly keepAfterDeleteMs?: number;
  readonly views: Views;
  readonly definitions: Pick<Definitions, 'ids' | 'record'>;
  readonly clock: Clock;
}

/** Of a connection of which nothing was ever stored. */
const EMPTY_BOX: DeadLetterBox = {
  totals: () => ({
    ...{ count: 0, bytes: 0, maxBytes: 0, maxAgeMs: 0, keptUntil: null, oldestAt: null, lastId: 0 },
    dropped: { room: 0, age: 0, person: 0 },
  }),
  page: () => ({ letters: [], next: null }),
  get: () => null,
  edit: () => 'notFound',
  revert: () => 'notFound',
  isReplaying: () => false,
  drop: () => 0,
};

export function createLetterControl(options: LetterControlOptions): LetterControl {
  const { store, views, definitions, clock } = options;
  const replaying = new Set<string>();

  function box(id: string): DeadLetterBox | null {
    const isKnown = definitions.ids().includes(id) || views.status(id) !== null;
    return store.deadLetters(id) ?? (isKnown ? EMPTY_BOX : null);
  }

  /** Where letters can go into its journal; else why not. */
  function running(id: string): LiveLine | LetterRefusal {
    const live = views.lines.get(id);
    if (live !== undefined && !live.flow.stopped) return live;
    const count = store.deadLetters(id)?.totals().count ?? 0;
    const kept = `its dead letters (${count}) are kept`;
    if (definitions.record(id) === null) {
      const until = store.deadLetters(id)?.totals().keptUntil ?? null;
      const end = until === null ? '' : ` until ${new Date(until).toISOString()}`;
      return {
        kind: 'gone',
        message: `Connection ${id} has no definition (any more): ${kept}${end}. Define it again, or export them and import them into another connection.`,
      };
    }
    const state = views.status(id)?.state ?? 'not running';
    return { kind: 'stopped', message: `Connection ${id} is ${state} and takes nothing: ${kept}. Activate it first.` };
  }

  function ledgerOf(id: string): LedgerView | null {
    const live = views.lines.get(id);
    const runs = live !== undefined && !live.flow.stopped;
    const ledger: Ledger | null = runs ? live.store.ledger() : views.ledger(id);
    if (ledger === null) return null;
    const deadLetters = store.deadLetters(id)?.totals() ?? null;
    return { id, ledger, imbalance: imbalance(ledger), off: runs ? live.store.verify() : null, deadLetters };
  }

  return {
    box,
    replay(id, { filter, perSecond, signal, onProgress }) {
      const live = running(id);
      if ('kind' in live) return live;
      const letters = store.deadLetters(id);
      if (letters === null) return { kind: 'gone', message: `There is no connection ${id}` };
      if (replaying.has(id)) return { kind: 'busy', message: `A replay of ${id} is under way: wait for its end` };
      replaying.add(id);
      const { flow, replayBy } = live;
      const how = { line: flow, box: letters, ...replayBy, clock, filter, perSecond, signal, onProgress };
      return { kind: 'ok', end: replayDeadLetters(how).finally(() => replaying.delete(id)) };
    },
    import(id, letters) {
      const live = running(id);
      return 'kind' in live ? live : live.store.importDeadLetters(letters);
    },
    kept: () => store.keptLetters(),
    keepAfterDeleteMs: options.keepAfterDeleteMs ?? 0,
    expired: (id, limit) => store.expired(id, limit),
    ledgers: () =>
      views
        .ids()
        .map(ledgerOf)
        .filter((view) => view !== null),
    ledger: ledgerOf,
  };
}
