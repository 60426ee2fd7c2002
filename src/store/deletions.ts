// Deletes what is stored of a connection, in steps that a kill may interrupt: the mark in its row comes first, and the next start
// goes on. Its dead letters may be kept for a while; their end is a deletion like any other.
import path from 'node:path';
import { describeError } from '../domain/errors.ts';
import type { Clock } from '../domain/ports/clock.ts';
import type { CommandTables } from './commands.ts';
import type { ConnectionTables } from './connection-tables.ts';
import type { Disk } from './disk.ts';
import type { ReportIncident } from './incidents.ts';
import { KeptUpkeep } from './kept-upkeep.ts';
import type { LetterTables } from './letter-tables.ts';

/** Dead letters removed per transaction, so that others are not held up. */
const STEP = 500;
/** What deleted connections' letters may take of the common budget. */
const KEPT_SHARE = 0.25;

export interface DeletionsOptions {
  readonly tables: ConnectionTables;
  readonly letters: LetterTables;
  readonly commands: CommandTables;
  readonly disk: Disk;
  /** The directory of all journals. */
  readonly journals: string;
  readonly clock: Clock;
  readonly allDeadLettersMaxBytes: number | undefined;
  readonly report: ReportIncident;
  /** It is open, being opened or being deleted. */
  readonly isBusy: (id: string) => boolean;
  readonly remove: (id: string) => Promise<void>;
}

export class Deletions {
  readonly #o: DeletionsOptions;
  readonly #kept: KeptUpkeep;

  constructor(options: DeletionsOptions) {
    const { tables, letters, clock, report, allDeadLettersMaxBytes = Number.POSITIVE_INFINITY } = options;
    this.#o = options;
    this.#kept = new KeptUpkeep({
      database: tables.database,
      clock,
      keepMs: letters.keepAfterDeleteMs,
      maxBytes: allDeadLettersMaxBytes * KEPT_SHARE,
      remove: (id) => this.#removeKept(id),
      report,
    });
  }

  /** What a kill interrupted. */
  async finishAll(): Promise<void> {
    const { tables, report } = this.#o;
    for (const id of tables.ids(true)) {
      try {
        await this.finish(id);
      } catch (error) {
        const message = `The deletion of ${id} cannot be finished now: ${describeError(error)}. It is at the next start.`;
        report({ kind: 'upkeepFailed', connectionId: id, message });
      }
    }
  }

  /** Of a connection that is marked. */
  async finish(id: string): Promise<void> {
    const { tables, letters, disk, journals, clock } = this.#o;
    const key = tables.keyOf(id);
    if (key !== null) this.#forget(key);
    await disk.removeDirectory(path.join(journals, id));
    await disk.syncDirectory(journals);
    if (letters.keepAfterDeleteMs > 0 && tables.keepLettersOnly(id, clock.now())) {
      if (key !== null) this.#forget(key);
      return;
    }
    while (tables.deleteSome(id, STEP)) await new Promise((resolve) => setImmediate(resolve));
    if (key !== null) this.#forget(key);
  }

  /** What is in memory of it. Also at the end: meanwhile anybody may have asked, and a connection made anew may get the same key. */
  #forget(key: number): void {
    this.#o.letters.forget(key);
    this.#o.commands.forget(key);
  }

  /** About once a second. Throws what SQLite throws. */
  tick(): void {
    this.#kept.tick();
  }

  /** Unless it is defined again just now. */
  async #removeKept(id: string): Promise<void> {
    if (this.#o.isBusy(id)) return;
    await this.#o.remove(id).catch((error) => {
      const message = `The kept dead letters of ${id} cannot be removed now: ${describeError(error)}. It is tried again.`;
      this.#o.report({ kind: 'upkeepFailed', connectionId: id, message });
    });
  }
}
