// `here-bridge connections …`: what a running worker's connections do, and changing them.
import { randomUUID } from 'node:crypto';
import { type Command, Option } from 'commander';
import { BridgeError, EXIT } from '../domain/errors.ts';
import type { ConnectionView, FollowedUplink } from '../domain/ports/control.ts';
import type { DebugView } from '../domain/ports/debug.ts';
import { AdminClient, refusal } from './admin-client.ts';
import { amount } from './arguments.ts';
import { loadFrom, withConfigOptions } from './config-options.ts';
import { connectionLines, connectionTable, uplinkLine } from './connection-lines.ts';
import { type CliIo, paint, printJson, printLine } from './io.ts';
import { nameOf, readJson } from './read-json.ts';

interface Options {
  readonly json?: boolean;
  readonly id?: string;
}

interface TailOptions extends Options {
  readonly device?: string;
  readonly outcome?: string;
}

const OUTCOMES = ['delivered', 'expired', 'filtered', 'skipped', 'deadLettered'];

const EXIT_CODES = `
Exit codes: 0 done, 65 the definition does not validate, 66 there is no such connection, 69 no bridge answers.`;

export function registerConnections(program: Command, io: CliIo): void {
  const group = program
    .command('connections')
    .description('List, show, change and follow the connections of a bridge that runs on this machine.')
    .addHelpText(
      'after',
      `
Examples:
  here-bridge connections ls
  here-bridge connections apply tenant-a.json
  here-bridge connections tail tenant-a
  here-bridge connections restart tenant-a
  here-bridge connections ls --data-dir /var/lib/here-bridge --json
${EXIT_CODES}`,
    );
  registerLs(group, io);
  registerShow(group, io);
  registerApply(group, io);
  registerRm(group, io);
  registerTail(group, io);
  registerSwitches(group, io);
  registerDebug(group, io);
}

function verb(group: Command, name: string, about: string, examples: string): Command {
  return withConfigOptions(group.command(name))
    .description(about)
    .option('--json', 'print JSON, one value a line')
    .addHelpText('after', `\nExamples:\n${examples}\n${EXIT_CODES}`);
}

function registerLs(group: Command, io: CliIo): void {
  verb(group, 'ls', 'List all connections with their states and ledgers.', '  here-bridge connections ls').action(
    async (options: Options, command: Command) => {
      const views = (await (await connect(command, io)).list('/connections')) as readonly ConnectionView[];
      if (options.json === true) printJson(io, views);
      else printLine(io, connectionTable(io, views));
    },
  );
}

function registerShow(group: Command, io: CliIo): void {
  verb(group, 'show', 'Show one connection.', '  here-bridge connections show tenant-a --json | jq .ledger')
    .argument('<id>')
    .action(async (id: string, options: Options, command: Command) => {
      const view = (await ask(command, io, 'GET', route(id))) as ConnectionView;
      if (options.json === true) printJson(io, view);
      else printLine(io, connectionLines(io, view));
    });
}

function registerApply(group: Command, io: CliIo): void {
  verb(
    group,
    'apply',
    'Create or change a connection from a definition in JSON; the config topic takes it in.',
    '  here-bridge connections apply tenant-a.json\n  here-bridge connections apply - --id tenant-a < definition.json',
  )
    .argument('<file>', 'a definition in JSON; - is standard input')
    .option('--id <id>', 'the id, if the definition has none of its own')
    .action(async (file: string, options: Options, command: Command) => {
      const definition = await readJson(io, file);
      const id = options.id ?? (definition as { id?: unknown } | null)?.id;
      if (typeof id !== 'string' || id === '') {
        const message = `${nameOf(file)}: the definition has no id; give one with --id`;
        throw new BridgeError('data', message, { exitCode: EXIT.data });
      }
      const client = await connect(command, io);
      const { status, body } = await client.request('PUT', route(id), definition);
      if (status !== 200 && status !== 201) throw refusal(status, body);
      if (options.json === true) printJson(io, body);
      else printLine(io, `${id} ${paint(io, 'green', status === 201 ? 'created' : 'changed')}`);
    });
}

function registerRm(group: Command, io: CliIo): void {
  verb(
    group,
    'rm',
    'Delete a connection with everything that is stored of it, its waiting uplinks too; its dead letters are kept for deadLetters.keepAfterDelete.',
    '  here-bridge connections rm tenant-a',
  )
    .argument('<id>')
    .action(async (id: string, options: Options, command: Command) => {
      const client = await connect(command, io);
      const { status, body } = await client.request('DELETE', route(id), undefined, {
        headers: { prefer: 'return=representation' },
      });
      if (status !== 200) throw refusal(status, body);
      const { deadLetters } = body as {
        readonly deadLetters: { readonly count: number | null; readonly until: string | null };
      };
      if (options.json === true) {
        printJson(io, { id, deleted: true, deadLetters });
        return;
      }
      const { count, until } = deadLetters;
      const kept = until === null ? '' : `; its ${count ?? 'possible'} dead letters are kept until ${until}`;
      printLine(io, `${id} deleted${kept}`);
    });
}

function registerTail(group: Command, io: CliIo): void {
  verb(
    group,
    'tail',
    'Follow what a connection does, one line an uplink, until Ctrl-C.',
    '  here-bridge connections tail tenant-a --outcome deadLettered\n  here-bridge connections tail tenant-a --json | jq \'select(.outcome.kind != "delivered")\'',
  )
    .argument('<id>')
    .option('--device <DevEUI>', 'of this device alone')
    .addOption(new Option('--outcome <kind>', 'that ended so').choices(OUTCOMES))
    .action(async (id: string, options: TailOptions, command: Command) => {
      const client = await connect(command, io);
      const { device, outcome } = options;
      const query = new URLSearchParams();
      if (device !== undefined) query.set('device', device);
      if (outcome !== undefined) query.set('outcome', outcome);
      const path = query.size === 0 ? `${route(id)}/tail` : `${route(id)}/tail?${query}`;
      for await (const followed of client.follow(path, io.stopSignal())) {
        if (options.json === true) printJson(io, followed);
        else printLine(io, uplinkLine(io, followed as FollowedUplink));
      }
    });
}

function registerSwitches(group: Command, io: CliIo): void {
  const switches = [
    ['stop', 'Switch a connection off: nothing is taken, and the session at the broker queues.', 'stopping'],
    ['start', 'Switch a connection on again.', 'starting'],
    [
      'restart',
      'Restart a connection, once what held it up is mended; a refused log-in is tried once more.',
      'restarting',
    ],
  ] as const;
  for (const [name, about, done] of switches) {
    verb(group, name, about, `  here-bridge connections ${name} tenant-a`)
      .argument('<id>')
      .action(async (id: string, options: Options, command: Command) => {
        const change = name === 'restart' ? { active: true, restart: randomUUID() } : { active: name === 'start' };
        const view = await ask(command, io, 'PATCH', route(id), change);
        if (options.json === true) printJson(io, view);
        else printLine(io, `${id} ${done}`);
      });
  }
}

function registerDebug(group: Command, io: CliIo): void {
  verb(
    group,
    'debug',
    'Log a connection in detail for some hours (48 at most); it turns itself off.',
    '  here-bridge connections debug tenant-a --hours 2\n  here-bridge connections debug tenant-a --off\n  here-bridge connections debug tenant-a',
  )
    .argument('<id>')
    .option('--hours <hours>', 'for so long from now', amount(0.01, 48))
    .option('--off', 'turn it off')
    .action(async (id: string, options: Options & { hours?: number; off?: boolean }, command: Command) => {
      const client = await connect(command, io);
      const hours = options.off === true ? 0 : options.hours;
      const wanted = hours === undefined ? [] : [{ hours }];
      const { status, body } = await client.request(
        hours === undefined ? 'GET' : 'POST',
        `${route(id)}/debug`,
        ...wanted,
      );
      if (status !== 200) throw refusal(status, body);
      const { until, lines } = body as DebugView;
      if (options.json === true) for (const line of lines) printJson(io, line);
      else if (hours === undefined) {
        for (const { time, what, details } of lines) printLine(io, `${time} ${what} ${JSON.stringify(details)}`);
      }
      if (options.json !== true)
        printLine(io, until === null ? `${id} is not logged in detail` : `${id} is logged in detail until ${until}`);
    });
}

function route(id: string): string {
  return `/connections/${encodeURIComponent(id)}`;
}

async function connect(command: Command, io: CliIo): Promise<AdminClient> {
  const { config } = await loadFrom(command, io);
  return AdminClient.find(config.dataDir);
}

async function ask(
  command: Command,
  io: CliIo,
  method: 'GET' | 'PATCH',
  path: string,
  content?: unknown,
): Promise<unknown> {
  const { status, body } = await (await connect(command, io)).request(method, path, content);
  if (status < 200 || status > 299) throw refusal(status, body);
  return body;
}
