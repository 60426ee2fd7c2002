// `here-bridge brokers …`: the brokers of a running bridge, and those defined beside the configuration.
import type { Command } from 'commander';
import { BridgeError, EXIT } from '../domain/errors.ts';
import type { BrokerTestStep, BrokerView } from '../domain/ports/brokers.ts';
import { AdminClient, refusal } from './admin-client.ts';
import { ask, verb } from './ask.ts';
import { loadFrom } from './config-options.ts';
import { type CliIo, paint, printJson, printLine, table } from './io.ts';
import { nameOf, readJson } from './read-json.ts';

interface Options {
  readonly json?: boolean;
  readonly name?: string;
}

const EXIT_CODES = `
Exit codes: 0 done, 1 a test failed, 65 the definition does not validate, 66 there is no such broker, 69 no bridge answers, or
the broker is in use or of the configuration.`;

export function registerBrokers(program: Command, io: CliIo): void {
  const group = program
    .command('brokers')
    .description(
      'List the brokers of a bridge that runs on this machine; define, try and delete those beside its configuration.',
    )
    .addHelpText(
      'after',
      `\nExamples:\n  here-bridge brokers ls\n  here-bridge brokers apply tenant-a.json\n${EXIT_CODES}`,
    );
  verb(group, 'ls', 'List all brokers.', '  here-bridge brokers ls').action(
    async (options: Options, command: Command) => {
      const views = (await ask(command, io, 'GET', '/brokers')) as readonly BrokerView[];
      if (options.json === true) for (const view of views) printJson(io, view);
      else printLine(io, brokerTable(views));
    },
  );
  verb(group, 'show', 'Show one broker.', '  here-bridge brokers show tenant-a --json')
    .argument('<name>')
    .action(async (name: string, options: Options, command: Command) => {
      const view = (await ask(command, io, 'GET', route(name))) as BrokerView;
      if (options.json === true) printJson(io, view);
      else
        printLine(
          io,
          `${brokerTable([view])}${view.definition === null ? '' : `\n\n${JSON.stringify(view.definition, null, 2)}`}`,
        );
    });
  verb(
    group,
    'apply',
    'Define or change a broker from a definition in JSON; certificates are PEM texts in it.',
    '  here-bridge brokers apply tenant-a.json\n  here-bridge brokers apply - --name tenant-a < broker.json',
  )
    .argument('<file>', 'a definition in JSON; - is standard input')
    .option('--name <name>', 'its name, if the definition has none of its own')
    .action(async (file: string, options: Options, command: Command) => {
      const definition = await readJson(io, file);
      const name = options.name ?? (definition as { name?: unknown } | null)?.name;
      if (typeof name !== 'string' || name === '') {
        const message = `${nameOf(file)}: the definition has no name; give one with --name`;
        throw new BridgeError('data', message, { exitCode: EXIT.data });
      }
      const { config } = await loadFrom(command, io);
      const client = await AdminClient.find(config.dataDir);
      const { status, body } = await client.request('PUT', route(name), definition);
      if (status !== 200 && status !== 201) throw refusal(status, body);
      if (options.json === true) printJson(io, body);
      else printLine(io, `${name} ${paint(io, 'green', status === 201 ? 'defined' : 'changed')}`);
    });
  verb(
    group,
    'test',
    'Try a definition: connects once and leaves nothing behind.',
    '  here-bridge brokers test tenant-a.json',
  )
    .argument('<file>', 'a definition in JSON; - is standard input')
    .action(async (file: string, options: Options, command: Command) => {
      const definition = await readJson(io, file);
      const verdict = (await ask(command, io, 'POST', '/brokers/test', definition)) as {
        readonly ok: boolean;
        readonly steps: readonly BrokerTestStep[];
      };
      if (options.json === true) printJson(io, verdict);
      else for (const line of verdict.steps.flatMap(stepLines)) printLine(io, line);
      if (!verdict.ok) io.exitWith(EXIT.failed);
    });
  verb(group, 'rm', 'Delete a broker that no connection uses.', '  here-bridge brokers rm tenant-a')
    .argument('<name>')
    .action(async (name: string, options: Options, command: Command) => {
      await ask(command, io, 'DELETE', route(name));
      if (options.json === true) printJson(io, { name, deleted: true });
      else printLine(io, `${name} deleted`);
    });
}

function brokerTable(views: readonly BrokerView[]): string {
  const rows = views.map(({ name, kind, url, origin, usedBy }) => [name, kind, origin, String(usedBy.length), url]);
  return table([['NAME', 'KIND', 'DEFINED IN', 'CONNECTIONS', 'ADDRESS'], ...rows]);
}

function stepLines({ step, result, message, errors = [] }: BrokerTestStep): string[] {
  return [`${step}: ${result}. ${message}`, ...errors.map((each) => `  ${each.pointer || '/'}: ${each.message}`)];
}

function route(name: string): string {
  return `/brokers/${encodeURIComponent(name)}`;
}
