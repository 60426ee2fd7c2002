// Confirm: which command a report is about, and what it says of it.
import type { Command, CommandFact } from '../domain/command.ts';
import type { DownlinkReport } from '../domain/ports/downlink.ts';
import type { CommandBook } from './command-book.ts';

export type Match =
  | { readonly kind: 'match'; readonly command: Command }
  /** In plain words, for the log. */
  | { readonly kind: 'none'; readonly why: string };

/**
 * By its CorrelationID. The published examples carry none: then by device and port, if exactly one command of the device is
 * open; a guess among several could confirm what was never sent.
 */
export function matchReport(book: CommandBook, report: DownlinkReport): Match {
  const { device, correlationId, port } = report;
  if (correlationId !== null) {
    const command = book.byCorrelation(correlationId);
    if (command === null || command.device !== device)
      return none('it names a downlink that is not ours, or has ended');
    const isOfNow = command.correlationId === null || command.correlationId === correlationId || isSent(report);
    return isOfNow ? { kind: 'match', command } : none('it is about an earlier publication of the command');
  }
  const open = book.ofDevice(device).filter(({ state }) => state === 'published');
  const [command] = open;
  if (command === undefined) return none('no command of the device waits for a report');
  if (open.length > 1) return none('it has no CorrelationID, and several commands of the device wait for a report');
  if (port !== null && command.port !== port) return none('it has no CorrelationID, and is of another port');
  return { kind: 'match', command };
}

/** null: it says nothing that we know. */
export function factOf(report: DownlinkReport): CommandFact | null {
  if (report.kind === 'rejected') {
    const status = Number.isNaN(report.status) ? '' : ` (status ${report.status})`;
    return { kind: 'rejected', cause: `${report.cause || 'the network gives no cause'}${status}` };
  }
  if (isSent(report)) return { kind: 'sent' };
  if (report.status !== 0) return null;
  return { kind: 'notSent', cause: report.cause || 'the network gives no cause' };
}

function isSent({ kind, status }: DownlinkReport): boolean {
  return kind === 'sent' && status === 1;
}

function none(why: string): Match {
  return { kind: 'none', why };
}
