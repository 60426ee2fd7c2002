// What a round shows beside the books: alarms, which only a defect explains, and remarks, which one of its faults does.
import { EXIT } from '../domain/errors.ts';
import type { BridgeEvent } from '../domain/events.ts';
import type { Ending } from './child.ts';

/** The disk was full, or another still held the lock or the port: the bridge says so and is started again. */
const EXPLAINED: ReadonlySet<number | null> = new Set([EXIT.unavailable, EXIT.inUse]);
const ALARMING: ReadonlySet<BridgeEvent['kind']> = new Set(['ledgerImbalance', 'storeSetAside']);

/** In plain words. */
export class Notes {
  readonly alarms: string[] = [];
  readonly remarks: string[] = [];

  alarm(text: string): void {
    this.alarms.push(text);
  }

  /** The bridge ended, and nobody had told it to. */
  ended({ code, signal }: Ending): void {
    const notes = EXPLAINED.has(code) ? this.remarks : this.alarms;
    notes.push(`the bridge ended by itself with ${code ?? signal}`);
  }

  /** The bridge ended, told to stop; `amidFaults`: while there were some. */
  stopped({ code, signal }: Ending, amidFaults: boolean): void {
    // One that has only just been started may die of it before it can listen.
    if (code === 0 || (amidFaults && signal === 'SIGTERM')) return;
    const notes = amidFaults && EXPLAINED.has(code) ? this.remarks : this.alarms;
    notes.push(`told to stop, the bridge ended with ${code ?? signal}`);
  }

  /** After all their time: so many uplinks without a PUBACK. */
  unanswered(count: number): void {
    if (count > 0) this.alarm(`${count} uplinks were never acknowledged to their publisher`);
  }

  events(events: readonly Pick<BridgeEvent, 'kind' | 'message'>[]): void {
    for (const { kind, message } of events) if (ALARMING.has(kind)) this.alarm(`event ${kind}: ${message}`);
  }
}
