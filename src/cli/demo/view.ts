// The demo as text: a snapshot becomes the lines of a terminal, or one line where the output is no terminal. Pure.
import type { ConnectionState } from '../../domain/connection.ts';
import type { BridgeEvent } from '../../domain/events.ts';
import { addLedgers, imbalance, type Ledger, sumReasons } from '../../domain/ledger.ts';
import type { DemoConnection, DemoSnapshot } from './snapshot.ts';

export interface ViewOptions {
  /** Width of the terminal; no line is longer. */
  readonly columns: number;
  readonly colour: boolean;
  /** Height of the terminal; events and hints give way first. Absent: no limit. */
  readonly rows?: number;
}

type Colour = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';
const SGR: Record<Colour, number> = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 };
const EVENTS_SHOWN = 5;

/** Ready to print, top to bottom; no line holds a control character but colours, and only with `colour`. */
export function renderView(snapshot: DemoSnapshot, options: ViewOptions): string[] {
  const pen = new Pen(options);
  const fixed = [...head(snapshot, pen), '', ...traffic(snapshot, pen), '', ...ledger(snapshot, pen)];
  const left = (options.rows ?? Number.POSITIVE_INFINITY) - fixed.length - 1;
  const events = section('Last events', eventLines(snapshot.events, pen), pen, left, 'last');
  const room = left - events.length;
  const hints = section('Try next, in another terminal', hintLines(snapshot.hints, pen), pen, room, 'first');
  return [...fixed, ...events, ...hints];
}

/** One line a moment, for logs and pipes. */
export function renderLine(snapshot: DemoSnapshot): string {
  const sum = addLedgers(snapshot.connections.map((connection) => connection.ledger));
  const rate = snapshot.connections.reduce((all, connection) => all + connection.settledPerSecond, 0);
  const states = snapshot.connections.map(({ id, state }) => `${plain(id)} ${state}`).join(', ');
  return [
    clockTime(snapshot.elapsedMs),
    `${number(rate)} uplinks/s`,
    `received ${sum.received}`,
    `delivered ${sum.delivered}`,
    `pending ${sum.pending}`,
    `expired ${sumReasons(sum.expired)}`,
    `filtered ${sumReasons(sum.filtered)}`,
    `skipped ${sumReasons(sum.skipped)}`,
    `dead letters ${sumReasons(sum.deadLettered)}`,
    states,
  ].join('  ');
}

function head(snapshot: DemoSnapshot, pen: Pen): string[] {
  const { elapsedMs, forMs, fleet } = snapshot;
  const time = forMs === null ? clockTime(elapsedMs) : `${clockTime(elapsedMs)} of ${clockTime(forMs)}`;
  const says = `fleet: ${number(fleet.perSecond)} uplinks/s, ${fleet.acknowledged} of ${fleet.published} acknowledged`;
  return [
    pen.line([['HERE Tracking Bridge', 'bold'], [`  demo  ${time}  ${snapshot.phase}`]]),
    pen.line([[says, 'dim']]),
  ];
}

const TRAFFIC = ['connection', 'state', 'in/s', 'done/s', 'waiting', 'in flight', 'p50', 'p99'];
const LEDGER = ['ledger', 'received', 'delivered', 'pending', 'expired', 'filtered', 'skipped', 'dead', ''];

function traffic(snapshot: DemoSnapshot, pen: Pen): string[] {
  const rows = snapshot.connections.map((connection) => trafficRow(connection));
  const lines = table(TRAFFIC, rows, 2, pen);
  for (const { id, state, reason } of snapshot.connections) {
    if (reason !== null && state !== 'OPENED') lines.push(pen.line([[`  ${plain(id)}: ${plain(reason)}`, 'yellow']]));
  }
  return lines;
}

function trafficRow(connection: DemoConnection): Cell[] {
  const { latencyMs } = connection;
  return [
    [plain(connection.id)],
    [connection.state, stateColour(connection.state)],
    [number(connection.receivedPerSecond)],
    [number(connection.settledPerSecond)],
    connection.waiting > 0 ? [String(connection.waiting), 'yellow'] : ['0'],
    [String(connection.requestsInFlight)],
    [duration(latencyMs.p50)],
    [duration(latencyMs.p99)],
  ];
}

function ledger(snapshot: DemoSnapshot, pen: Pen): string[] {
  const rows = snapshot.connections.map((connection) => ledgerRow(plain(connection.id), connection.ledger));
  if (rows.length > 1) rows.push(ledgerRow('all', addLedgers(snapshot.connections.map((one) => one.ledger))));
  return table(LEDGER, rows, 1, pen);
}

function ledgerRow(name: string, of: Ledger): Cell[] {
  const off = imbalance(of);
  const dead = sumReasons(of.deadLettered);
  return [
    [name],
    [String(of.received)],
    [String(of.delivered), 'green'],
    of.pending > 0 ? [String(of.pending), 'yellow'] : ['0'],
    [String(sumReasons(of.expired))],
    [String(sumReasons(of.filtered))],
    [String(sumReasons(of.skipped))],
    dead > 0 ? [String(dead), 'red'] : ['0'],
    off === 0 ? ['balanced', 'green'] : [`off by ${off}`, 'red'],
  ];
}

function eventLines(events: readonly BridgeEvent[], pen: Pen): string[] {
  return events.slice(-EVENTS_SHOWN).map((event) => {
    const colour = event.severity === 'error' ? 'red' : event.severity === 'warning' ? 'yellow' : 'dim';
    const times = event.count > 1 ? ` (${event.count} times)` : '';
    const who = event.connectionId === null ? '' : `${plain(event.connectionId)}: `;
    return pen.line([
      [`  ${plain(event.time.slice(11, 19))}  `, 'dim'],
      [`${who}${plain(event.message)}${times}`, colour],
    ]);
  });
}

function hintLines(hints: readonly string[], pen: Pen): string[] {
  return hints.map((hint) => pen.line([[`  ${plain(hint)}`, 'cyan']]));
}

/** A title with its lines, as many as there is room for (the first or the last ones); nothing when there is room for none. */
function section(title: string, lines: readonly string[], pen: Pen, room: number, which: 'first' | 'last'): string[] {
  const shown = Math.min(lines.length, Math.max(0, room - 2));
  const from = which === 'first' ? 0 : lines.length - shown;
  return shown === 0 ? [] : ['', pen.line([[title, 'bold']]), ...lines.slice(from, from + shown)];
}

type Cell = readonly [text: string, colour?: Colour];

/** Columns as wide as their content; the first `leftAligned` to the left, the others to the right. */
function table(titles: readonly string[], rows: readonly (readonly Cell[])[], leftAligned: number, pen: Pen): string[] {
  const widths = titles.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column]?.[0] ?? '').length)),
  );
  // Ids may be 63 long: the first column gives way so that the figures stay in sight.
  const others = widths.slice(1).reduce((all, width) => all + width + 2, 0);
  widths[0] = Math.max(8, Math.min(widths[0] as number, pen.columns - others));
  const layOut = (row: readonly Cell[]): string =>
    pen.line(
      row.flatMap(([text, colour], column): Cell[] => {
        const width = widths[column] as number;
        const cut = clip(text, width);
        const padded = column < leftAligned ? cut.padEnd(width) : cut.padStart(width);
        const cell: Cell = colour === undefined ? [padded] : [padded, colour];
        return column === 0 ? [cell] : [['  '], cell];
      }),
    );
  return [layOut(titles.map((title): Cell => [title, 'dim'])), ...rows.map(layOut)];
}

class Pen {
  readonly columns: number;
  readonly #colour: boolean;

  constructor(options: ViewOptions) {
    this.columns = Math.max(20, Math.floor(options.columns) || 80);
    this.#colour = options.colour;
  }

  /** Puts pieces together, cut at the terminal's width (colours have none). */
  line(pieces: readonly Cell[]): string {
    let left = this.columns;
    let text = '';
    for (const [piece, colour] of pieces) {
      const cut = clip(piece, left);
      left -= [...cut].length;
      text += colour === undefined || !this.#colour || cut === '' ? cut : `\u001b[${SGR[colour]}m${cut}\u001b[0m`;
      if (left <= 0) break;
    }
    return text.trimEnd();
  }
}

function clip(text: string, width: number): string {
  const letters = [...text];
  return letters.length <= width ? text : `${letters.slice(0, Math.max(0, width - 1)).join('')}…`;
}

/** Names and messages come from outside: what could steer a terminal becomes a space. */
function plain(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must go
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]+/g, ' ');
}

function stateColour(state: ConnectionState): Colour {
  if (state === 'OPENED') return 'green';
  return state === 'AUTHENTICATION_FAILED' || state === 'UNREACHABLE' ? 'red' : 'yellow';
}

function number(value: number): string {
  return value >= 100 ? String(Math.round(value)) : value.toFixed(1);
}

function duration(ms: number): string {
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

function clockTime(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const two = (value: number): string => String(value).padStart(2, '0');
  const hours = Math.floor(seconds / 3600);
  return `${hours > 0 ? `${hours}:` : ''}${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
}
