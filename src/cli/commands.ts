// `here-bridge commands`: what waits for devices and what became of it; desiring something at HERE; cancelling what waits.
import type { Command as Program } from 'commander';
import { COMMAND_STATES, type Command } from '../domain/command.ts';
import { BridgeError, EXIT } from '../domain/errors.ts';
import type { CommandLedgerView } from '../domain/ports/commands.ts';
import { AdminClient, refusal } from './admin-client.ts';
import { wholeNumber } from './arguments.ts';
import { loadFrom, withConfigOptions } from './config-options.ts';
import { type CliIo, paint, printJson, printLine, table } from './io.ts';

interface Options {
  readonly json?: boolean;
  readonly limit?: number;
  readonly state?: string;
  readonly device?: string;
  readonly payload?: string;
  readonly system?: string;
}

/** As the worker answers it: times in ISO 8601. */
type Shown = Omit<Command, 'desiredAt' | 'seenAt' | 'publishedAt' | 'changedAt' | 'document' | 'era'> & {
  readonly desiredAt: string;
  readonly changedAt: string;
  readonly publishedAt: string | null;
  readonly document?: unknown;
};

const EXIT_CODES = `
Exit codes: 0 done, 1 the ledger does not balance, or it is too late to cancel, 65 wrong input, 66 there is no such thing,
69 no bridge answers.`;

export function registerCommands(program: Program, io: CliIo): void {
  const group = program.command('commands').description('See what waits for devices, desire something, cancel it.');
  withConfigOptions(group.command('ls'))
    .description('List the latest commands of a connection, and where all of them are.')
    .argument('<connection>')
    .option('--state <state>', `only those: ${COMMAND_STATES.join(', ')}`)
    .option('--device <DevEUI>', 'only of this device')
    .option('--limit <count>', 'at most so many', wholeNumber(1, 1000), 50)
    .option('--json', 'print JSON, one command a line')
    .addHelpText('after', `\nExamples:\n  here-bridge commands ls tenant-a --state waiting\n${EXIT_CODES}`)
    .action(async (id: string, options: Options, command: Program) => {
      const query = new URLSearchParams({ limit: String(options.limit ?? 50) });
      if (options.state !== undefined) query.set('state', options.state);
      if (options.device !== undefined) query.set('device', options.device);
      const client = await clientOf(command, io);
      const page = (await ask(client, 'GET', `${route(id)}/commands?${query}`)) as {
        readonly commands: readonly Shown[];
      };
      const ledger = (await ask(client, 'GET', `${route(id)}/command-ledger`)) as CommandLedgerView;
      if (options.json === true) for (const each of page.commands) printJson(io, each);
      else printLine(io, listText(io, page.commands, ledger));
      if (ledger.imbalance !== 0 || ledger.off !== 0) io.exitWith(EXIT.failed);
    });

  withConfigOptions(group.command('show'))
    .description('Print one command with what was desired.')
    .argument('<connection>')
    .argument('<number>', 'its number, as `ls` has it', wholeNumber(1, Number.MAX_SAFE_INTEGER))
    .addHelpText('after', `\nExamples:\n  here-bridge commands show tenant-a 17\n${EXIT_CODES}`)
    .action(async (id: string, number: number, _options: Options, command: Program) => {
      const found = await ask(await clientOf(command, io), 'GET', `${route(id)}/commands/${number}`);
      printLine(io, JSON.stringify(found, null, 2));
    });

  withConfigOptions(group.command('send'))
    .description('Desire something of a device at HERE, as an application does: the command goes the whole way.')
    .argument('<connection>')
    .argument('<DevEUI>')
    .option('--payload <json>', 'the desired payload')
    .option('--system <json>', 'desired settings of HERE, such as {"rate":{"sendMs":60000}}')
    .addHelpText(
      'after',
      `\nExamples:\n  here-bridge commands send tenant-a 0018B20000000B20 --payload '{"FPort":2,"payload_hex":"01ff"}'\n${EXIT_CODES}`,
    )
    .action(async (id: string, device: string, options: Options, command: Program) => {
      const body = {
        device,
        ...(options.payload === undefined ? {} : { payload: jsonOf('--payload', options.payload) }),
        ...(options.system === undefined ? {} : { system: jsonOf('--system', options.system) }),
      };
      const { version } = (await ask(await clientOf(command, io), 'POST', `${route(id)}/commands`, body)) as {
        readonly version: number | null;
      };
      printLine(
        io,
        `HERE has it as version ${version ?? '?'} of ${device.toUpperCase()}. Follow it: here-bridge commands ls ${id}`,
      );
    });

  withConfigOptions(group.command('cancel'))
    .description('Cancel a command that waits.')
    .argument('<connection>')
    .argument('<number>', 'its number, as `ls` has it', wholeNumber(1, Number.MAX_SAFE_INTEGER))
    .addHelpText('after', `\nExamples:\n  here-bridge commands cancel tenant-a 17\n${EXIT_CODES}`)
    .action(async (id: string, number: number, _options: Options, command: Program) => {
      const client = await clientOf(command, io);
      const { status, body } = await client.request('POST', `${route(id)}/commands/${number}/cancel`);
      const refused = status >= 300 ? refusal(status, body) : null;
      // It is on its way, or over: an answer, and no trouble of the bridge.
      if (refused !== null && status === 409)
        throw new BridgeError('tooLate', refused.message, { exitCode: EXIT.failed });
      if (refused !== null) throw refused;
      printLine(io, `Command ${number} is cancelled.`);
    });
}

function listText(io: CliIo, commands: readonly Shown[], { ledger, imbalance, off }: CommandLedgerView): string {
  const rows = commands.map(({ id, device, version, state, attempt, changedAt, cause }) => [
    ...[String(id), device, version === null ? '-' : String(version), state, String(attempt)],
    ...[changedAt.slice(0, 19).replace('T', ' '), cause ?? ''],
  ]);
  const head = ['number', 'device', 'version', 'state', 'sent', 'since (UTC)', 'cause'];
  const { ignored, fates, ...columns } = ledger;
  const counts = Object.entries({ ...columns, ...ignored }).filter(([, count]) => (count ?? 0) > 0);
  const what = counts.map(([name, count]) => `${name} ${count}`).join(', ') || 'none yet';
  const became = Object.entries(fates).filter(([, count]) => count > 0);
  const after =
    became.length === 0 ? '' : ` (of the published: ${became.map(([name, count]) => `${name} ${count}`).join(', ')})`;
  const verdict = imbalance === 0 && off === 0 ? 'The ledger balances' : 'The ledger DOES NOT BALANCE';
  const list = rows.length === 0 ? 'There are no commands to show.' : table([head, ...rows]);
  return `${list}\n${paint(io, imbalance === 0 && off === 0 ? 'green' : 'red', verdict)}: ${what}${after}.`;
}

function jsonOf(option: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new BridgeError('notJson', `${option} must be JSON, such as '{"payload_hex":"01ff","FPort":2}'`, {
      exitCode: EXIT.data,
    });
  }
}

async function clientOf(command: Program, io: CliIo): Promise<AdminClient> {
  const { config } = await loadFrom(command, io);
  return AdminClient.find(config.dataDir);
}

async function ask(client: AdminClient, method: 'GET' | 'POST', path: string, body?: unknown): Promise<unknown> {
  const answer = await client.request(method, path, body);
  if (answer.status >= 300) throw refusal(answer.status, answer.body);
  return answer.body;
}

function route(id: string): string {
  return `/connections/${encodeURIComponent(id)}`;
}
