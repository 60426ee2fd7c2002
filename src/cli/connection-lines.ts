// Connections and followed uplinks as lines for people.
import { imbalance, type Ledger, sumReasons } from '../domain/ledger.ts';
import type { ConnectionView, FollowedUplink } from '../domain/ports/control.ts';
import type { HereUsage, PeriodUse } from '../domain/ports/facts.ts';
import { printable } from '../domain/printable.ts';
import { type CliIo, paint, table } from './io.ts';
import { count, forecastText } from './quota.ts';

const HEADINGS = ['ID', 'STATE', 'RECEIVED', 'DELIVERED', 'PENDING', 'EXPIRED', 'FILTERED', 'SKIPPED', 'DEAD', 'NAME'];

export function connectionTable(io: CliIo, views: readonly ConnectionView[]): string {
  if (views.length === 0) return 'There are no connections.';
  const rows = views.map((view) => [view.id, view.state, ...ledgerCells(view.ledger), view.name]);
  const text = table([HEADINGS, ...rows], (cell, row, column) => {
    if (row === 0) return paint(io, 'dim', cell);
    return column === 1 ? paintState(io, cell.trim(), cell) : cell;
  });
  const notes = views.filter((view) => view.reason !== null).map((view) => printable(`${view.id}: ${view.reason}`));
  return [text, ...(notes.length > 0 ? ['', ...notes] : [])].join('\n');
}

function paintState(io: CliIo, state: string, text: string): string {
  if (state === 'OPENED') return paint(io, 'green', text);
  return state === 'AUTHENTICATION_FAILED' || state === 'UNREACHABLE'
    ? paint(io, 'red', text)
    : paint(io, 'yellow', text);
}

function ledgerCells(ledger: Ledger | null): string[] {
  if (ledger === null) return ['-', '-', '-', '-', '-', '-', '-'];
  const { received, delivered, pending, expired, filtered, skipped, deadLettered } = ledger;
  return [received, delivered, pending, ...[expired, filtered, skipped, deadLettered].map(sumReasons)].map(String);
}

export function connectionLines(io: CliIo, view: ConnectionView): string {
  const { status, ledger, activity } = view;
  const rows: [string, string][] = [
    ['id', view.id],
    ['name', view.name],
    ['state', `${view.state} since ${status.since}`],
  ];
  if (view.reason !== null) rows.push(['reason', view.reason]);
  for (const { pointer, message } of status.errors ?? []) rows.push(['error', `${pointer || '/'}: ${message}`]);
  rows.push(['active', view.active ? 'yes' : 'no'], ['worker', status.worker]);
  if (status.appId !== null) rows.push(['appId', status.appId]);
  if (status.source !== null) {
    const { broker, up, reason } = status.source;
    rows.push(['source', `${broker}, ${up ? 'up' : 'down'}${reason === null ? '' : `: ${reason}`}`]);
  }
  for (const { message, since, uplinksPerHour, uplinkRateMinPerHour } of status.activeAlarms ?? []) {
    const text = `${message}: ${uplinksPerHour} uplinks an hour, at least ${uplinkRateMinPerHour} expected, since ${since}`;
    rows.push(['alarm', text]);
  }
  if (ledger !== null) rows.push(...ledgerRows(ledger));
  if (activity !== null) {
    const { waiting, requestsInFlight, journalBytes, journalMaxBytes, latencyMs } = activity;
    rows.push(['waiting', `${waiting} uplinks, ${requestsInFlight} requests in flight`]);
    if (waiting > 0) rows.push(['forecast', forecastText(activity.drain)]);
    if (activity.here !== null) rows.push(...usageRows(activity.here));
    rows.push(['journal', `${bytes(journalBytes)} of ${bytes(journalMaxBytes)}`]);
    const { count, first } = activity.devicesWaiting;
    if (count > 0) rows.push(['devices', `${count} wait until HERE takes them`]);
    for (const { device, reason } of first) rows.push(['', `${device}: ${reason}`]);
    rows.push(['latency', `p50 ${Math.round(latencyMs.p50)} ms, p99 ${Math.round(latencyMs.p99)} ms`]);
  }
  rows.push(['configuration', JSON.stringify(view.configuration)]);
  return table(rows, (cell, row, column) => {
    if (column === 0) return paint(io, 'dim', cell);
    const name = rows[row]?.[0];
    if (name === 'alarm') return paint(io, 'red', cell);
    return name === 'state' ? cell.replace(view.state, paintState(io, view.state, view.state)) : cell;
  });
}

function usageRows({ lastMinute, lastHour, lastDay, limit }: HereUsage): [string, string][] {
  const told = limit === null ? '' : `; HERE allows ${limit.requests} in ${limit.periodMs / 1000} s`;
  const use = ({ requests, records }: PeriodUse) => `${count(requests)} requests with ${count(records)} records`;
  return [
    [
      'app ID',
      `${use(lastMinute)} in the last minute, ${use(lastHour)} in the last hour, ${use(lastDay)} in the last day${told}`,
    ],
  ];
}

function bytes(count: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = count;
  let unit = 0;
  for (; value >= 1024 && unit < units.length - 1; unit++) value /= 1024;
  return `${Number.isInteger(value) ? value : value.toFixed(1)} ${units[unit]}`;
}

function ledgerRows(ledger: Ledger): [string, string][] {
  const off = imbalance(ledger);
  const columns = (['expired', 'filtered', 'skipped', 'deadLettered'] as const).map((name): [string, string] => {
    const reasons = Object.entries(ledger[name]).map(([reason, count]) => `${reason} ${count}`);
    return [name, `${sumReasons(ledger[name])}${reasons.length === 0 ? '' : ` (${reasons.join(', ')})`}`];
  });
  return [
    ['received', `${ledger.received}${off === 0 ? '' : ` - off by ${off}`}`],
    ['delivered', String(ledger.delivered)],
    ['pending', String(ledger.pending)],
    ...columns,
  ];
}

/** One uplink a line: time, number, device, what became of it. */
export function uplinkLine(io: CliIo, followed: FollowedUplink | { readonly missed: number }): string {
  if ('missed' in followed) return paint(io, 'yellow', `… ${followed.missed} uplinks came too fast to be shown`);
  const { time, seq, device, fCnt, outcome, requestId, latencyMs } = followed;
  const counter = fCnt === null ? '' : `:${fCnt}`;
  const verdict =
    outcome.kind === 'delivered'
      ? paint(io, 'green', `delivered in ${Math.round(latencyMs)} ms`)
      : paint(io, outcome.kind === 'deadLettered' ? 'red' : 'yellow', `${outcome.kind} (${outcome.reason})`);
  const detail = outcome.kind === 'deadLettered' ? `: ${printable(outcome.detail.message)}` : '';
  const request = requestId === null ? '' : paint(io, 'dim', `  ${requestId}`);
  return `${time}  #${seq}  ${device ?? '-'.padEnd(16)}${counter}  ${verdict}${detail}${request}`;
}
