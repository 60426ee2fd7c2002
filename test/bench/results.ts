// The table of results in docs/benchmarks.md: what was measured last of each figure.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Figure } from './bench.ts';

const FILE = path.resolve(import.meta.dirname, '../../docs/benchmarks.md');
const FROM = '<!-- results -->';
const TO = '<!-- end of results -->';
const HEAD = ['| figure | value | bar | held | measured |', '| --- | --- | --- | --- | --- |'];
const ROW = /^\| ([a-z][\w.-]*) \|/;

export interface Judged extends Figure {
  readonly isHeld: boolean;
}

/**
 * Between the marks. Figures that were not measured this time keep their rows, each with its date, so that one bench can be
 * repeated alone. `where`: machine, versions and what else it did.
 */
export function writeResults(figures: readonly Judged[], where: string): void {
  const before = readFileSync(FILE, 'utf8');
  const start = before.indexOf(FROM);
  const end = before.indexOf(TO);
  if (start < 0 || end < start) throw new Error(`${FILE} has lost its marks ${FROM} … ${TO}`);
  const kept = before.slice(start + FROM.length, end);
  const table = merged(kept.split('\n'), figures, new Date().toISOString().slice(0, 10));
  const text = [`The last run: ${where}.`, '', ...HEAD, ...table].join('\n');
  writeFileSync(FILE, `${before.slice(0, start + FROM.length)}\n${text}\n${before.slice(end)}`);
}

function merged(lines: readonly string[], figures: readonly Judged[], date: string): readonly string[] {
  const rows = new Map<string, string>();
  for (const line of lines) {
    const name = ROW.exec(line)?.[1];
    if (name !== undefined && name !== 'figure') rows.set(name, line);
  }
  for (const figure of figures) rows.set(figure.name, rowOf(figure, date));
  return [...rows.values()];
}

function rowOf({ name, value, unit, must, bar, isHeld }: Judged, date: string): string {
  const shown = `| ${name} | ${value.toFixed(3)} ${unit} |`;
  if (bar === null) return `${shown} | | ${date} |`;
  return `${shown} ${must === 'atLeast' ? '≥' : '≤'} ${bar} | ${isHeld ? 'yes' : '**no**'} | ${date} |`;
}
