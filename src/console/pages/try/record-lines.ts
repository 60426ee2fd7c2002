// A record as the lines of its JSON, each with the field that it belongs to: so that the rule behind a field can stand beside it.
import type { TriedField } from '../../api/trial.ts';

export interface RecordLine {
  /** With its indentation. */
  readonly text: string;
  /** Names from the record's top, without places in lists: `position.accuracy`; empty: the record itself. */
  readonly path: string;
}

/** The lines that `JSON.stringify(value, null, 2)` writes. */
export function linesOf(value: unknown): readonly RecordLine[] {
  const lines: RecordLine[] = [];
  write(lines, value, { path: '', indent: '', before: '', after: '' });
  return lines;
}

interface Place {
  readonly path: string;
  readonly indent: string;
  /** The name. */
  readonly before: string;
  /** The comma. */
  readonly after: string;
}

function write(lines: RecordLine[], value: unknown, place: Place): void {
  const { path, indent, before, after } = place;
  const line = (text: string): number => lines.push({ text: `${indent}${text}`, path });
  const isList = Array.isArray(value);
  const entries = typeof value === 'object' && value !== null ? Object.entries(value) : [];
  if (entries.length === 0) {
    line(`${before}${JSON.stringify(value)}${after}`);
    return;
  }
  line(`${before}${isList ? '[' : '{'}`);
  for (const [at, [name, inner]] of entries.entries()) {
    write(lines, inner, {
      path: isList ? path : path === '' ? name : `${path}.${name}`,
      indent: `${indent}  `,
      before: isList ? '' : `${JSON.stringify(name)}: `,
      after: at === entries.length - 1 ? '' : ',',
    });
  }
  line(`${isList ? ']' : '}'}${after}`);
}

export interface FoundRule {
  readonly rule: string;
  /** How many names deep in the field that has the rule; 0: the field itself. */
  readonly depth: number;
}

/** The rule that gave what stands at a path: of the field itself, or of the nearest one around it. null: none did. */
export function ruleFinder(fields: readonly TriedField[]): (path: string) => FoundRule | null {
  const rules = new Map<string, string>();
  // Fields that one rule gives together: `position.speed, position.heading`.
  for (const { field, rule } of fields) {
    if (rule !== null) for (const name of field.split(', ')) rules.set(name, rule);
  }
  return (path) => {
    let depth = 0;
    for (let at = path; at !== ''; at = at.slice(0, Math.max(0, at.lastIndexOf('.')))) {
      const rule = rules.get(at);
      if (rule !== undefined) return { rule, depth };
      depth += 1;
    }
    return null;
  };
}
