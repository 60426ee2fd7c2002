// Reads the backlog back from the journal as room appears; a journal that cannot be read is told, and tried again.
import { describeError } from '../domain/errors.ts';
import type { EventSink } from '../domain/events.ts';
import type { Backlog } from './backlog.ts';
import type { Intake } from './intake.ts';
import type { WaitingRoom } from './waiting.ts';

const RETRY_MS = 1_000;
const BATCHES_AHEAD = 2;

export interface ReadBackParts {
  readonly connectionId: string;
  readonly room: WaitingRoom;
  readonly backlog: Backlog;
  readonly intake: Intake;
  readonly events: EventSink;
  /** Something was loaded: look for the next batch. */
  readonly onLoaded: () => void;
  readonly tryAgainIn: (ms: number) => void;
}

export class ReadBack {
  readonly #p: ReadBackParts;

  constructor(parts: ReadBackParts) {
    this.#p = parts;
  }

  /** Reads on when there is something to be read, room for it, and less than two full batches ready; one read at a time. */
  next(batchRecords: number): void {
    const { room, backlog, intake, events, connectionId } = this.#p;
    if (!backlog.wantsReading(room.bytes, room.count, room.readyCount, BATCHES_AHEAD * batchRecords)) return;
    backlog.read(room.bytes, room.count).then(
      ({ records, damaged }) => {
        intake.load(records);
        intake.giveUp(damaged);
        this.#p.onLoaded();
      },
      (error: unknown) => {
        // The store is being closed: the next line reads it.
        if (intake.stopped) return;
        events.emit({
          kind: 'diskFailed',
          severity: 'error',
          connectionId,
          key: 'read',
          message: `The journal cannot be read: ${describeError(error)}. It is tried again; look at the disk.`,
        });
        this.#p.tryAgainIn(RETRY_MS);
      },
    );
  }
}
