// Dead letters, replays and expired uplinks as lines for people.
import type { DeadLetterRecord, DeadLetterTotals, ReplayEnd, ReplayProgress } from '../domain/ports/dead-letters.ts';
import { type CliIo, paint, table } from './io.ts';

/** As a listing has it. */
export type ListedLetter = Omit<DeadLetterRecord, 'payload' | 'payloadBase64'> & { readonly payloadBytes: number };

export type ShownLetter = DeadLetterRecord & {
  readonly original?: { readonly topic: string; readonly payload?: string; readonly payloadBase64?: string };
};

const MESSAGE_COLUMNS = 100;

export function letterTable(io: CliIo, letters: readonly ListedLetter[]): string {
  const rows = letters.map(({ id, time, device, reason, detail, editedAt }) => {
    const status = detail.status === undefined ? '' : `${detail.status} `;
    const text = `${editedAt === undefined ? '' : '(edited) '}${status}${detail.message}`;
    return [
      String(id),
      time,
      device ?? '-',
      reason,
      text.length > MESSAGE_COLUMNS ? `${text.slice(0, MESSAGE_COLUMNS)}…` : text,
    ];
  });
  return table([['ID', 'TIME', 'DEVICE', 'REASON', 'ANSWER'], ...rows], (cell, row) =>
    row === 0 ? paint(io, 'dim', cell) : cell,
  );
}

/** A deleted connection as the listing has it. */
export interface KeptLine {
  readonly id: string;
  readonly count: number;
  readonly bytes: number;
  readonly deletedAt: string;
  readonly keptUntil: string;
}

export function keptTable(kept: readonly KeptLine[]): string {
  const rows = kept.map(({ id, count, bytes, deletedAt, keptUntil }) => {
    return [id, String(count), String(bytes), deletedAt, keptUntil];
  });
  return table([['CONNECTION', 'LETTERS', 'BYTES', 'DELETED', 'KEPT UNTIL'], ...rows]);
}

export function totalsLine({ count, bytes, maxBytes, keptUntil, dropped }: DeadLetterTotals): string {
  const { room, age, person } = dropped;
  const gone = [
    ...(room > 0 ? [`${room} for want of room`] : []),
    ...(age > 0 ? [`${age} by age`] : []),
    ...(person > 0 ? [`${person} by hand`] : []),
  ];
  const end = keptUntil === null ? '' : `, of a deleted connection: kept until ${new Date(keptUntil).toISOString()}`;
  return `${count} dead letters, ${bytes} of ${maxBytes} bytes${end}${gone.length === 0 ? '' : `; dropped: ${gone.join(', ')}`}`;
}

export function letterLines(io: CliIo, letter: ShownLetter): string {
  const { id, key, connection, seq, time, arrivedAt, device, reason, topic, detail, editedAt, original } = letter;
  const rows: [string, string][] = [
    ['id', `${id} (key ${key})`],
    ['connection', connection],
    ['reason', reason],
    ['answer', `${detail.status === undefined ? '' : `${detail.status} `}${detail.message}`],
  ];
  if (detail.hereErrorCode !== undefined) rows.push(['HERE code', String(detail.hereErrorCode)]);
  if (detail.requestId !== undefined) rows.push(['request id', detail.requestId]);
  if (detail.attempts !== undefined) rows.push(['attempts', String(detail.attempts)]);
  rows.push(['time', time], ['arrived', arrivedAt], ['device', device ?? '-']);
  if (detail.origin !== undefined) rows.push(['imported', `from ${detail.origin}`]);
  else rows.push(['sequence no.', String(seq)]);
  if (editedAt !== undefined) rows.push(['edited', editedAt]);
  rows.push(['topic', topic], ['message', contentOf(letter)]);
  for (const { name, value, valueBase64 } of detail.headers ?? []) {
    rows.push(['header', `${name}: ${valueBase64 === undefined ? (value ?? '(null)') : `(base64) ${valueBase64}`}`]);
  }
  if (detail.headersLeftOut !== undefined) rows.push(['header', `(${detail.headersLeftOut} more had no room)`]);
  if (original !== undefined) rows.push(['as it came', `${original.topic} ${contentOf(original)}`]);
  if (detail.record !== undefined) rows.push(['sent', detail.record]);
  return table(rows, (cell, _, column) => (column === 0 ? paint(io, 'dim', cell) : cell));
}

function contentOf({ payload, payloadBase64 }: { readonly payload?: string; readonly payloadBase64?: string }): string {
  return payload ?? `(base64) ${payloadBase64 ?? ''}`;
}

export function progressLine({ replayed, waiting, outcomes }: ReplayProgress): string {
  return `${replayed} replayed, ${waiting} under way, ${outcomes.delivered ?? 0} delivered`;
}

export function endLine(io: CliIo, end: ReplayEnd): string {
  const { replayed, kept, outcomes, waiting } = end;
  const parts = [
    ...Object.entries(outcomes).map(
      ([kind, count]) => `${count} ${kind === 'deadLettered' ? 'dead letters again' : kind}`,
    ),
    ...(waiting > 0 ? [`${waiting} still wait for HERE`] : []),
  ];
  const lines = [`${replayed} replayed${parts.length === 0 ? '' : `: ${parts.join(', ')}`}`];
  const reasons = Object.entries(kept);
  if (reasons.length > 0) {
    const sum = reasons.reduce((total, [, count]) => total + (count ?? 0), 0);
    lines.push(
      `${sum} left as they are: ${reasons.map(([reason, count]) => `${count} ${KEPT[reason] ?? `still ${reason}`}`).join(', ')}`,
    );
  }
  if (end.end !== 'done') {
    const why = end.end === 'stopped' ? 'Stopped before the end' : `Broken off: ${end.message ?? 'unknown'}`;
    lines.push(paint(io, 'yellow', `${why}. The rest are dead letters as before; repeating is safe.`));
  }
  return lines.join('\n');
}

const KEPT: Readonly<Record<string, string>> = { tooOld: 'older than the uplinkTimeValidity of the connection' };
