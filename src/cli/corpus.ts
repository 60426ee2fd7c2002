// `here-bridge corpus PATH`: messages of a file or folder through the mapping, and a table of what became of them.
import type { Command } from 'commander';
import { EXIT } from '../domain/errors.ts';
import { loadFrom, withConfigOptions } from './config-options.ts';
import { type CorpusMessage, readCorpus } from './corpus-files.ts';
import { readConnection } from './definition.ts';
import { type CliIo, paint, printJson, printLine, table } from './io.ts';

const EXAMPLES = `
A file is a JSON list, one JSON, or one JSON a line; a folder is every .json, .jsonl and .ndjson in it. An entry is an uplink
as it comes from the broker, {"topic", "payload"} of a capture, or a decoder's test {"decoded", "vendor", "model", "expect"}.

Examples:
  here-bridge corpus captures/
  mosquitto_sub -t 'application/+/device/+/event/up' -F '{"topic":"%t","payload":%p}' > day.jsonl; here-bridge corpus day.jsonl
  here-bridge corpus captures/ --mapping overrides.json --without

Nothing is sent anywhere. Exit codes: 0 done, 1 HERE would refuse a record or a position is not the expected one, 66 no such file.`;

interface Options {
  readonly definition?: string;
  readonly mapping?: string;
  readonly without?: boolean;
  readonly json?: boolean;
}

/** What became of the messages of one model. */
interface Tally {
  readonly model: string;
  messages: number;
  withPosition: number;
  withScan: number;
  without: number;
  skipped: number;
  unreadable: number;
  refused: number;
  unexpected: number;
  /** Why there is no place, or no record, by how often. */
  readonly reasons: Record<string, number>;
}

export function registerCorpus(program: Command, io: CliIo): void {
  withConfigOptions(program.command('corpus'))
    .description('Run captured uplinks through the mapping: how many have a position, why others have none, by model.')
    .argument('<path>', 'a file or a folder of messages; - is standard input')
    .option('--definition <file>', 'the definition of the connection; without it every default')
    .option('--mapping <file>', 'overrides to try instead of those of the definition (docs/mapping.md)')
    .option('--without', 'only models of which a message has neither position nor scan')
    .option('--json', 'print one line of JSON for each model')
    .addHelpText('after', EXAMPLES)
    .action(async (path: string, options: Options, command: Command) => {
      const { config } = await loadFrom(command, io);
      const defined = await readConnection(io, options.definition ?? null);
      const { readMapping } = await import('./mapping-file.ts');
      const mapping = options.mapping === undefined ? defined.mapping : await readMapping(io, options.mapping);
      const { systemClock } = await import('../ops/clock.ts');
      const messages = await readCorpus(io, path, systemClock.now());
      const judge = await createJudge({ ...defined, mapping }, config);
      const tallies = [...judge(messages).values()].toSorted((a, b) => a.model.localeCompare(b.model));
      const shown = options.without === true ? tallies.filter(({ without }) => without > 0) : tallies;
      if (options.json === true) for (const tally of shown) printJson(io, tally);
      else print(io, shown, totalOf(tallies));
      if (tallies.some(({ refused, unexpected }) => refused + unexpected > 0)) io.exitWith(EXIT.failed);
    });
}

type Judge = (messages: Iterable<CorpusMessage>) => Map<string, Tally>;
type Loaded = Awaited<ReturnType<typeof loadFrom>>['config'];

async function createJudge(
  connection: Parameters<typeof import('../uplink/prepare.ts').explain>[0],
  config: Loaded,
): Promise<Judge> {
  const { explain } = await import('../uplink/prepare.ts');
  const { badRecord } = await import('../sandbox/validation/record.ts');
  const { modelOf } = await import('../uplink/decode.ts');
  const options = {
    defaultAccuracyM: config.mapping.defaultAccuracyM,
    maxMessageBytes: config.sources.maxMessageBytes,
  };
  return (messages) => {
    const tallies = new Map<string, Tally>();
    for (const { topic, payload, model, arrivedAt, expected } of messages) {
      const message = { topic, payload, arrivedAt, retain: false };
      const { prepared, fields, notes } = explain(connection, message, arrivedAt, options);
      const name = model ?? modelOf(payload) ?? '(no model)';
      const tally = tallies.get(name) ?? newTally(name);
      tallies.set(name, tally);
      tally.messages += 1;
      if (prepared.outcome !== null) {
        if (prepared.outcome.kind === 'deadLettered') tally.unreadable += 1;
        else tally.skipped += 1;
        addReason(tally, notes.at(-1) ?? prepared.outcome.kind);
        continue;
      }
      const records = prepared.records.map(({ json }) => JSON.parse(json));
      const bad = records.map((record) => badRecord(record, true)).find((why) => why !== null);
      if (bad !== undefined && bad !== null) {
        tally.refused += 1;
        addReason(tally, `HERE would refuse: ${bad}`);
      }
      const position = records.at(-1).position;
      if (position !== undefined) tally.withPosition += 1;
      else if (records.at(-1).scan !== undefined) tally.withScan += 1;
      else {
        tally.without += 1;
        addReason(tally, whyNone(fields));
      }
      if (expected !== undefined && !isAsExpected(position, expected)) {
        tally.unexpected += 1;
        addReason(tally, 'not the position that the file expects');
      }
    }
    return tallies;
  };
}

/** The rule that came nearest: the others say only that what they look for is not there. */
function whyNone(fields: readonly { field: string; passedOver: readonly { rule: string; why: string }[] }[]): string {
  const passed = fields.find(({ field }) => field === 'position')?.passedOver ?? [];
  const near = passed.find(({ why }) => !/^(no|not a|the network tells) /.test(why) || why.startsWith('no fix'));
  return near === undefined ? 'nothing in it tells a place' : near.why;
}

function isAsExpected(
  position: { lat: number; lng: number } | undefined,
  expected: CorpusMessage['expected'],
): boolean {
  if (expected === null || expected === undefined) return position === undefined;
  return (
    position !== undefined &&
    Math.abs(position.lat - expected.lat) < 1e-6 &&
    Math.abs(position.lng - expected.lng) < 1e-6
  );
}

function newTally(model: string): Tally {
  return {
    model,
    messages: 0,
    withPosition: 0,
    withScan: 0,
    without: 0,
    skipped: 0,
    unreadable: 0,
    refused: 0,
    unexpected: 0,
    reasons: {},
  };
}

function addReason(tally: Tally, reason: string): void {
  const short = reason.slice(0, 160);
  if (Object.keys(tally.reasons).length < 50 || short in tally.reasons) {
    tally.reasons[short] = (tally.reasons[short] ?? 0) + 1;
  }
}

function totalOf(tallies: readonly Tally[]): Tally {
  const total = newTally('all');
  for (const tally of tallies) {
    for (const key of COLUMNS) total[key] += tally[key];
  }
  return total;
}
const COLUMNS = [
  'messages',
  'withPosition',
  'withScan',
  'without',
  'skipped',
  'unreadable',
  'refused',
  'unexpected',
] as const;

function print(io: CliIo, tallies: readonly Tally[], total: Tally): void {
  const heading = [
    'MODEL',
    'MESSAGES',
    'POSITION',
    'SCAN',
    'NEITHER',
    'SKIPPED',
    'UNREADABLE',
    'REFUSED',
    'UNEXPECTED',
    'WHY',
  ];
  const rows = [...tallies, total].map((tally) => {
    const [reason, count] = Object.entries(tally.reasons).toSorted((a, b) => b[1] - a[1])[0] ?? ['', 0];
    return [tally.model, ...COLUMNS.map((key) => String(tally[key])), count > 1 ? `${reason} (${count})` : reason];
  });
  printLine(
    io,
    table([heading, ...rows], (cell, row) => (row === 0 ? paint(io, 'dim', cell) : cell)),
  );
}
