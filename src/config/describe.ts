// Shows the configuration: the effective values with their origins for people and programs, and the table of the documentation.
import type { EffectiveValue } from './load.ts';
import { MASK, showValue } from './problems.ts';
import { VALUES } from './schema.ts';
import type { ValueSpec } from './value-spec.ts';

export interface DescribedValue {
  readonly value: unknown;
  /** `default`, a file, a variable or a flag. */
  readonly from: string;
  readonly env: string;
}

/** By full key, secrets masked. */
export function describeConfig(values: readonly EffectiveValue[]): Record<string, DescribedValue> {
  return Object.fromEntries(
    values.map(({ spec, value, origin }) => [
      spec.key,
      { value: showValue(spec, value) === MASK ? MASK : value, from: origin, env: spec.env },
    ]),
  );
}

/** Three columns: key, value, origin. */
export function renderConfig(values: readonly EffectiveValue[]): string {
  const rows = values.map(({ spec, value, origin }) => {
    const shown = showValue(spec, value);
    return [spec.key, shown === 'null' ? '-' : shown, origin] as const;
  });
  const widths = [0, 1].map((column) => Math.min(60, Math.max(...rows.map((row) => row[column]!.length))));
  return rows
    .map(([key, value, origin]) => `${key.padEnd(widths[0]!)}  ${value.padEnd(widths[1]!)}  ${origin}`)
    .join('\n');
}

const INTRODUCTION = `# Configuration

Values come from, weakest first: the defaults below, \`config/default.json\`, the files that \`HERE_BRIDGE_CONFIG\` (separated by
commas) and \`--config\` name (a path, or the name of a file in \`config/\`), environment variables, flags. \`--set key=value\` sets
any value. \`here-bridge config\` prints what is in force and where each value came from. An unknown key or variable, a wrong
value or an impossible combination is named in a line of its own, and the bridge ends with exit code 78 before it connects to
anything.

\`<name>\` stands for the name of a broker or HERE service: 1 to 32 of \`a-z 0-9 -\` (in variables in capitals, with \`_\` for \`-\`).
A file or the variables \`HERE_BRIDGE_BROKERS\` and \`HERE_BRIDGE_HERE_SERVICES\` (JSON, as in a file) add entries; \`null\` in the
place of an entry removes it. The broker \`main\` and the services \`here\` and \`here-platform\` are there from the start.
An empty variable counts as not set. Secrets are best given as files (the keys ending in \`File\`).

| Key | Allowed | Default | Variable | Flag | Meaning |
| --- | --- | --- | --- | --- | --- |
`;

/** The page docs/configuration.md. */
export function renderConfigMarkdown(): string {
  return `${INTRODUCTION}${VALUES.map(markdownRow).join('\n')}\n`;
}

function markdownRow(spec: ValueSpec): string {
  const fallback = spec.defaultText ?? (spec.default === null ? 'none' : code(JSON.stringify(spec.default)));
  const others = spec.otherEnv.filter((name) => name === name.toUpperCase()).map((name) => `, else ${code(name)}`);
  const cells = [
    code(spec.key),
    spec.allowed,
    fallback,
    code(spec.env) + others.join(''),
    spec.flag === null ? '' : code(spec.flag),
    `${spec.meaning}${spec.secret ? ' Secret.' : ''}`,
  ];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

function code(text: string): string {
  return `\`${text}\``;
}
