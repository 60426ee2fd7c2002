// `here-bridge dead-letters …`: looks at uplinks that HERE refused or that could not be read, mends them and sends them again.
import type { Command } from 'commander';
import { BridgeError, EXIT } from '../domain/errors.ts';
import type { DeadLetterTotals, ReplayEnd } from '../domain/ports/dead-letters.ts';
import { AdminClient, refusal } from './admin-client.ts';
import { amount, wholeNumber } from './arguments.ts';
import { loadFrom, withConfigOptions } from './config-options.ts';
import { type CliIo, printJson, printLine } from './io.ts';
import { exportLetters, importLetters } from './letter-files.ts';
import {
  endLine,
  type KeptLine,
  keptTable,
  type ListedLetter,
  letterLines,
  letterTable,
  progressLine,
  type ShownLetter,
  totalsLine,
} from './letter-lines.ts';
import { choiceOf, type FilterOptions, filterOf, letterId, letterIds, usage, withFilter } from './letter-options.ts';
import { readInput } from './read-json.ts';

interface Options extends FilterOptions {
  readonly json?: boolean;
  readonly limit?: number;
  readonly topic?: string;
  readonly payload?: string;
  readonly revert?: boolean;
  readonly rate?: number;
}

const EXIT_CODES = `
Exit codes: 0 done, 1 a replay did not get to its end, 64 wrong use, 65 wrong input, 66 there is no such connection, letter or
file, 69 no bridge answers, or the connection does not run.`;

export function registerDeadLetters(program: Command, io: CliIo): void {
  const group = program
    .command('dead-letters')
    .description('Look at uplinks that HERE refused or that could not be read, mend them and send them again.')
    .addHelpText(
      'after',
      `
Examples:
  here-bridge dead-letters ls tenant-a --reason refused --since 2h
  here-bridge dead-letters replay tenant-a --reason refused
  here-bridge dead-letters export tenant-a > letters.ndjson
${EXIT_CODES}`,
    );
  registerLs(group, io);
  registerKept(group, io);
  registerShow(group, io);
  registerEdit(group, io);
  registerReplay(group, io);
  registerDrop(group, io);
  registerExport(group, io);
  registerImport(group, io);
}

function verb(group: Command, name: string, about: string, examples: string): Command {
  return withConfigOptions(group.command(name))
    .description(about)
    .argument('<connection>')
    .option('--json', 'print JSON, one value a line')
    .addHelpText('after', `\nExamples:\n${examples}\n${EXIT_CODES}`);
}

function registerLs(group: Command, io: CliIo): void {
  const ls = verb(
    group,
    'ls',
    'List dead letters, the latest first.',
    '  here-bridge dead-letters ls tenant-a --device 70B3D50000000001',
  );
  withFilter(ls)
    .option('--limit <count>', 'at most so many', wholeNumber(1, 100_000), 100)
    .action(async (id: string, options: Options, command: Command) => {
      const client = await connect(command, io);
      const limit = options.limit ?? 100;
      const letters: ListedLetter[] = [];
      let totals: DeadLetterTotals | null = null;
      let next: number | null | undefined;
      do {
        const paging = next === undefined ? {} : { after: next };
        const body = { filter: filterOf(options), limit: Math.min(1000, limit - letters.length), ...paging };
        const page = (await ask(client, 'POST', `${route(id)}/search`, body)) as {
          readonly letters: readonly ListedLetter[];
          readonly next: number | null;
          readonly totals: DeadLetterTotals;
        };
        letters.push(...page.letters);
        totals = page.totals;
        next = page.next;
      } while (next !== null && letters.length < limit);
      if (options.json === true) {
        for (const letter of letters) printJson(io, letter);
        return;
      }
      if (letters.length > 0) printLine(io, `${letterTable(io, letters)}\n`);
      printLine(io, `${next === null ? '' : 'There are more (--limit). '}In all ${totalsLine(totals)}.`);
    });
}

function registerKept(group: Command, io: CliIo): void {
  withConfigOptions(group.command('kept'))
    .description('List deleted connections whose dead letters are still kept (deadLetters.keepAfterDelete).')
    .option('--json', 'print JSON, one value a line')
    .addHelpText('after', `\nExamples:\n  here-bridge dead-letters kept\n${EXIT_CODES}`)
    .action(async (options: Options, command: Command) => {
      const kept = (await ask(await connect(command, io), 'GET', '/deleted-connections')) as readonly KeptLine[];
      if (options.json === true) for (const each of kept) printJson(io, each);
      else printLine(io, keptTable(kept));
    });
}

function registerShow(group: Command, io: CliIo): void {
  verb(
    group,
    'show',
    'Show one dead letter with its message, what was sent and HERE’s answer.',
    '  here-bridge dead-letters show tenant-a 17',
  )
    .argument('<id>', 'its number in the list', letterId)
    .action(async (id: string, letter: number, options: Options, command: Command) => {
      const shown = (await ask(await connect(command, io), 'GET', `${route(id)}/${letter}`)) as ShownLetter;
      if (options.json === true) printJson(io, shown);
      else printLine(io, letterLines(io, shown));
    });
}

function registerEdit(group: Command, io: CliIo): void {
  verb(
    group,
    'edit',
    'Change a dead letter’s message or topic before it is replayed; the original is kept beside it.',
    `  here-bridge dead-letters show tenant-a 17 --json | jq -r .payload > m.json
  here-bridge dead-letters edit tenant-a 17 --payload m.json
  here-bridge dead-letters edit tenant-a 17 --revert`,
  )
    .argument('<id>', 'its number in the list', letterId)
    .option('--payload <file>', 'its new message; - is standard input')
    .option('--topic <topic>', 'its new topic')
    .option('--revert', 'back to the original')
    .action(async (id: string, letter: number, options: Options, command: Command) => {
      const { payload, topic, revert = false } = options;
      if (revert === (payload !== undefined || topic !== undefined))
        throw usage('give --payload or --topic (or both), or --revert');
      const bytes = payload === undefined ? null : await readInput(io, payload);
      const change = revert
        ? { revert }
        : {
            ...(topic === undefined ? {} : { topic }),
            ...(bytes === null ? {} : { payloadBase64: bytes.toString('base64') }),
          };
      const shown = await ask(await connect(command, io), 'PATCH', `${route(id)}/${letter}`, change);
      if (options.json === true) printJson(io, shown);
      else printLine(io, letterLines(io, shown as ShownLetter));
    });
}

function registerReplay(group: Command, io: CliIo): void {
  const replay = verb(
    group,
    'replay',
    'Send dead letters again, oldest first, behind live traffic. Ctrl-C ends it between two letters; repeating is safe.',
    `  here-bridge dead-letters replay tenant-a 17 18
  here-bridge dead-letters replay tenant-a --reason refused --until 2026-11-01T08:00:00Z
  here-bridge dead-letters replay tenant-a --all --rate 100`,
  ).argument('[ids...]', 'numbers in the list', letterIds);
  withFilter(replay)
    .option('--all', 'all of the connection')
    .option('--rate <per second>', 'at most so many a second', amount(0.1, 1000), 20)
    .action(async (id: string, ids: readonly number[] | undefined, options: Options, command: Command) => {
      const body = { filter: choiceOf(options, ids ?? []), perSecond: options.rate };
      const client = await connect(command, io);
      const signal = io.stopSignal();
      let end: ReplayEnd | null = null;
      for await (const line of client.follow(`${route(id)}/replay`, signal, body)) {
        const progress = line as ReplayEnd;
        if (progress.end !== undefined) end = progress;
        else if (options.json !== true && io.stderr.isTTY === true) io.stderr.write(`${progressLine(progress)}\n`);
      }
      if (end === null) {
        if (!signal.aborted)
          throw new BridgeError('noWorker', 'The bridge ended during the replay; repeating is safe', {
            exitCode: EXIT.unavailable,
          });
        io.stderr.write('Stopped: what was not replayed is a dead letter as before\n');
        io.exitWith(EXIT.failed);
        return;
      }
      if (options.json === true) printJson(io, end);
      else printLine(io, endLine(io, end));
      if (end.end !== 'done') io.exitWith(EXIT.failed);
    });
}

function registerDrop(group: Command, io: CliIo): void {
  const drop = verb(
    group,
    'drop',
    'Delete dead letters for good. The ledger goes on counting them.',
    '  here-bridge dead-letters drop tenant-a 17\n  here-bridge dead-letters drop tenant-a --until 30d',
  ).argument('[ids...]', 'numbers in the list', letterIds);
  withFilter(drop)
    .option('--all', 'all of the connection')
    .action(async (id: string, ids: readonly number[] | undefined, options: Options, command: Command) => {
      const filter = choiceOf(options, ids ?? []);
      const answer = await ask(await connect(command, io), 'POST', `${route(id)}/drop`, { filter });
      const { dropped } = answer as { readonly dropped: number };
      if (options.json === true) printJson(io, { dropped });
      else printLine(io, `${dropped} dropped`);
    });
}

function registerExport(group: Command, io: CliIo): void {
  const out = verb(
    group,
    'export',
    'Print dead letters as NDJSON, the oldest first; they stay where they are.',
    '  here-bridge dead-letters export tenant-a --reason refused > letters.ndjson',
  );
  withFilter(out).action(async (id: string, options: Options, command: Command) => {
    await exportLetters(await connect(command, io), route(id), filterOf(options), io);
  });
}

function registerImport(group: Command, io: CliIo): void {
  verb(
    group,
    'import',
    'Take in dead letters of an export, of this or another connection. Each comes once, however often it is imported.',
    '  here-bridge dead-letters import tenant-b letters.ndjson',
  )
    .argument('<file>', 'NDJSON of an export; - is standard input')
    .action(async (id: string, file: string, options: Options, command: Command) => {
      const sum = await importLetters(await connect(command, io), route(id), io, file);
      if (options.json === true) {
        printJson(io, sum);
        return;
      }
      const { imported, present, replayed } = sum;
      const rest = [
        ...(present > 0 ? [`${present} were there already`] : []),
        ...(replayed > 0 ? [`${replayed} were replayed before`] : []),
      ];
      printLine(io, `${imported} imported${rest.length === 0 ? '' : `; ${rest.join(', ')}`}`);
    });
}

function route(id: string): string {
  return `/connections/${encodeURIComponent(id)}/dead-letters`;
}

async function connect(command: Command, io: CliIo): Promise<AdminClient> {
  const { config } = await loadFrom(command, io);
  return AdminClient.find(config.dataDir);
}

async function ask(
  client: AdminClient,
  method: 'GET' | 'POST' | 'PATCH',
  path: string,
  content?: unknown,
): Promise<unknown> {
  const { status, body } = await client.request(method, path, content);
  if (status < 200 || status > 299) throw refusal(status, body);
  return body;
}
