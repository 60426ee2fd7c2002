// What the command line has of the world: streams, environment, the signal to stop, the exit code.
import type { ExitCode } from '../domain/errors.ts';
import { printable } from '../domain/printable.ts';

export interface TextOutput {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export interface CliIo {
  readonly stdout: TextOutput;
  readonly stderr: TextOutput;
  readonly stdin: AsyncIterable<Buffer | string>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** For verbs that run until they are stopped. From the first call on SIGINT and SIGTERM end the verb gently. */
  stopSignal(): AbortSignal;
  /** The verdict of a verb that did not fail; 0 unless it is called. */
  exitWith(code: ExitCode): void;
}

/** Lines and colours stay; what else would steer the terminal is written out. */
export function printLine(io: CliIo, text: string): void {
  io.stdout.write(`${text.split(KEPT).map(printableButKept).join('')}\n`);
}

function printableButKept(part: string): string {
  return part === '\n' || isColour(part) ? part : printable(part);
}

/** One line, for programs. */
export function printJson(io: CliIo, value: unknown): void {
  printLine(io, JSON.stringify(value));
}

/** https://no-color.org: any value that is not empty says no. */
export function wantsColour(output: TextOutput, env: CliIo['env']): boolean {
  return output.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb';
}

const COLOURS = { red: 31, green: 32, yellow: 33, dim: 2, bold: 1 } as const;

const SET_COLOURS = [0, ...Object.values(COLOURS)].map((code) => `\u001b[${code}m`);
/** Line ends and the colours of `paint`. */
const KEPT = new RegExp(`(\n|${SET_COLOURS.map((set) => set.replace('[', '\\[')).join('|')})`);

function isColour(part: string): boolean {
  return SET_COLOURS.includes(part);
}

/** Of foreign words only what `printable` leaves: `table` sees to its cells itself. */
export function paint(io: CliIo, colour: keyof typeof COLOURS, text: string): string {
  return wantsColour(io.stdout, io.env) ? `\u001b[${COLOURS[colour]}m${text}\u001b[0m` : text;
}

/** Columns as wide as their content, two blanks apart; the last one as it is. `colour` gets padded cells, foreign words printable. */
export function table(
  texts: readonly (readonly string[])[],
  colour: (text: string, row: number, column: number) => string = (text) => text,
): string {
  const rows = texts.map((row) => row.map(printable));
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows
    .map((row, index) =>
      row
        .map((cell, column) => colour(column === row.length - 1 ? cell : cell.padEnd(widths[column]!), index, column))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
