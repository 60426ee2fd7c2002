// `here-bridge convert FILE`: what does the same job elsewhere, as a definition of the bridge.
import type { Command } from 'commander';
import type { ConversionOutcome } from '../connections/foreign-fields.ts';
import { BridgeError, EXIT } from '../domain/errors.ts';
import { isPlainObject } from '../domain/plain-object.ts';
import { definitionValidator } from './definition.ts';
import { type CliIo, printLine } from './io.ts';
import { nameOf, readJsonOrYaml } from './read-json.ts';

export function registerConvert(program: Command, io: CliIo): void {
  program
    .command('convert')
    .description(
      "Make a definition of a connection in ThingPark X IoT Flow's JSON, of a Kafka Connect HTTP sink, or of a Bento configuration.",
    )
    .argument('<file>', 'JSON or YAML; - is standard input')
    .option('--pick <id>', 'of a list of connections, the one with this id')
    .addHelpText(
      'after',
      `
Examples:
  here-bridge convert iot-flow.json > tenant-a.json
  curl -s …/connections | here-bridge convert - --pick 42 > tenant-a.json
  here-bridge convert bento.yaml > tenant-a.json

The definition goes to standard output; what could not be carried over, and what is still to be filled in, to standard error, a line
each. \`here-bridge validate\` checks the result.
Exit codes: 0 all was carried and the definition is valid, 1 something is named on standard error, 65 it is nothing that can be
converted, 66 there is no such file.`,
    )
    .action(async (file: string, options: { readonly pick?: string }) => {
      const outcome = await convert(pick(await readJsonOrYaml(io, file), file, options.pick));
      if (outcome.kind === 'refused') throw wrong(file, outcome.message);
      const { what, definition, notes } = outcome.conversion;
      const verdict = (await definitionValidator())(null, definition);
      const tell = (pointer: string, message: string): void => {
        io.stderr.write(`here-bridge: ${pointer || '/'}: ${message}\n`);
      };
      for (const { pointer, message } of notes) tell(pointer, message);
      if (!verdict.ok) {
        io.stderr.write(`here-bridge: ${nameOf(file)} is ${what}; the definition is not whole yet:\n`);
        for (const { pointer, message } of verdict.errors) tell(pointer, message);
      }
      if (!verdict.ok || notes.length > 0) io.exitWith(EXIT.failed);
      printLine(io, JSON.stringify(definition, null, 2));
    });
}

/** By what only one of them has. */
async function convert(value: Readonly<Record<string, unknown>>): Promise<ConversionOutcome> {
  const { convertBento } = await import('../connections/convert-bento.ts');
  const { convertHttpSink, HTTP_SINK_CLASSES } = await import('../connections/convert-http-sink.ts');
  const { convertThingPark } = await import('../connections/convert-thingpark.ts');
  if (typeof value.connectorId === 'string') return convertThingPark(value);
  const config = isPlainObject(value.config) ? value.config : value;
  if (HTTP_SINK_CLASSES.some((name) => name === config['connector.class'])) return convertHttpSink(value);
  if (isPlainObject(value.input) && isPlainObject(value.output)) return convertBento(value);
  const message =
    'is neither a connection of IoT Flow (connectorId), nor a Kafka Connect HTTP sink of Confluent or Aiven (connector.class), nor a Bento ' +
    'configuration (input, output)';
  return { kind: 'refused', message };
}

/** The API of IoT Flow gives lists. */
function pick(value: unknown, file: string, id: string | undefined): Readonly<Record<string, unknown>> {
  const all = Array.isArray(value) ? value : [value];
  const objects = all.filter(isPlainObject);
  const found = id === undefined ? objects : objects.filter((each) => String(each.id) === id);
  if (found.length === 1) return found[0]!;
  const ids = objects
    .map((each) => String(each.id))
    .slice(0, 20)
    .join(', ');
  if (found.length > 1) throw wrong(file, `holds ${found.length} connections: choose one with --pick (${ids})`);
  throw wrong(file, id === undefined ? 'is no JSON object' : `holds no connection ${id}; there are: ${ids}`);
}

function wrong(file: string, message: string): BridgeError {
  return new BridgeError('data', `${nameOf(file)}: ${message}`, { exitCode: EXIT.data });
}
