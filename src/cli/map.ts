// `here-bridge map FILE`: the exact HERE record of an uplink and which rule gave each field, or why there is none.
import type { Command } from 'commander';
import { EXIT } from '../domain/errors.ts';
import type { Explanation } from '../uplink/prepare.ts';
import { loadFrom, withConfigOptions } from './config-options.ts';
import { readConnection } from './definition.ts';
import { type CliIo, paint, printJson, printLine, table } from './io.ts';
import { readInput } from './read-json.ts';

interface Options {
  readonly definition?: string;
  readonly mapping?: string;
  readonly topic: string;
  readonly lines?: boolean;
  readonly json?: boolean;
}

const EXAMPLES = `
Examples:
  here-bridge map uplink.json
  here-bridge map uplink.json --definition tenant-a.json --json
  here-bridge map uplink.json --mapping overrides.json
  mosquitto_sub -t 'mqtt/things/+/uplink' | here-bridge map - --lines

Standard input is read to its end. Nothing is sent anywhere.
Exit codes: 0 every uplink gives a record, 1 one of them gives none, 65 the definition is wrong, 66 there is no such file.`;

export function registerMap(program: Command, io: CliIo): void {
  withConfigOptions(program.command('map'))
    .description('Print the HERE record of an uplink with the rule that gave each field, or why there is none.')
    .argument('<file>', 'the uplink as it comes from the broker; - is standard input')
    .option('--definition <file>', 'the definition of the connection; without it every default')
    .option('--mapping <file>', 'overrides to try instead of those of the definition (docs/mapping.md)')
    .option('--topic <topic>', 'the topic that it comes on', 'mqtt/things/0000000000000000/uplink')
    .option('--lines', 'one uplink a line')
    .option('--json', 'print one line of JSON for each uplink')
    .addHelpText('after', EXAMPLES)
    .action(async (file: string, options: Options, command: Command) => {
      const { config } = await loadFrom(command, io);
      const defined = await readConnection(io, options.definition ?? null);
      const { readMapping } = await import('./mapping-file.ts');
      const connection =
        options.mapping === undefined ? defined : { ...defined, mapping: await readMapping(io, options.mapping) };
      const input = await readInput(io, file);
      const { explain } = await import('../uplink/prepare.ts');
      const { systemClock } = await import('../ops/clock.ts');
      const now = systemClock.now();
      for (const payload of options.lines === true ? linesOf(input) : [input]) {
        const message = { topic: options.topic, payload, arrivedAt: now, retain: false };
        const explanation = explain(connection, message, now, {
          defaultAccuracyM: config.mapping.defaultAccuracyM,
          maxMessageBytes: config.sources.maxMessageBytes,
        });
        if (explanation.prepared.outcome !== null) io.exitWith(EXIT.failed);
        if (options.json === true) printJson(io, asJson(explanation));
        else printLine(io, asText(io, explanation));
      }
    });
}

function linesOf(input: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  for (let from = 0; from < input.length; ) {
    const end = input.indexOf(10, from);
    const to = end === -1 ? input.length : end;
    const line = input.subarray(from, to);
    if (line.toString('latin1').trim() !== '') lines.push(line);
    from = to + 1;
  }
  return lines;
}

function asJson({ prepared, fields, notes, notice }: Explanation): unknown {
  const { device, outcome } = prepared;
  const records = prepared.outcome === null ? prepared.records.map(({ json }) => json) : [];
  return { device, outcome, records, fields, notes, notice };
}

function asText(io: CliIo, { prepared, fields, notes, notice }: Explanation): string {
  const lines: string[] = [];
  if (prepared.outcome === null) for (const { json } of prepared.records) lines.push(json);
  else {
    const { outcome } = prepared;
    const reason = outcome.kind === 'delivered' ? '' : ` (${outcome.reason})`;
    lines.push(`${paint(io, 'yellow', 'no record')}: ${outcome.kind}${reason}`);
  }
  lines.push(...notes, ...(notice === null ? [] : [notice.message]));
  if (fields.length === 0) return lines.join('\n');
  // Where a rule has given the value, those before it that did not are for `--json`.
  const rows = fields.map(({ field, rule, value, passedOver }) => {
    const why = passedOver.map((other) => `not ${other.rule}: ${other.why}`).join('; ');
    return [field, rule ?? '-', rule === null ? why : shorten(value)];
  });
  const heading = ['FIELD', 'RULE', 'VALUE'];
  const shown = table([heading, ...rows], (cell, row) => (row === 0 ? paint(io, 'dim', cell) : cell));
  return [...lines, '', shown].join('\n');
}

function shorten(value: unknown): string {
  const text = JSON.stringify(value) ?? '';
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}
