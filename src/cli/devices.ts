// `here-bridge devices …`: the devices of a connection, and what is done about single ones: retire, release, forget.
import type { Command } from 'commander';
import type { ForgottenDevice } from '../domain/ports/devices.ts';
import { AdminClient, refusal } from './admin-client.ts';
import { devEui, wholeNumber } from './arguments.ts';
import { ask, verb } from './ask.ts';
import { loadFrom } from './config-options.ts';
import { type CliIo, paint, printJson, printLine, table } from './io.ts';

interface Seen {
  readonly device: string;
  readonly firstSeen: string;
  readonly lastSeen: string;
  readonly uplinks: number;
}

const EXIT_CODES = `
Exit codes: 0 done, 1 HERE has not unclaimed it yet, or something of it is still on its way, 66 there is no such connection or
device, 69 no bridge answers, or HERE does not.`;

export function registerDevices(program: Command, io: CliIo): void {
  const group = program
    .command('devices')
    .description('List the devices of a connection; retire, release and forget single ones.')
    .addHelpText(
      'after',
      `\nExamples:\n  here-bridge devices ls tenant-a\n  here-bridge devices retire tenant-a 0018B20000000B20\n${EXIT_CODES}`,
    );
  verb(
    group,
    'ls',
    'List the devices that it has heard; those that are retired say so.',
    '  here-bridge devices ls tenant-a',
  )
    .argument('<connection>')
    .option('--limit <count>', 'at most so many', wholeNumber(1, 1_000_000), 1000)
    .action(async (id: string, options: { json?: boolean; limit: number }, command: Command) => {
      const { config } = await loadFrom(command, io);
      const client = await AdminClient.find(config.dataDir);
      const retired = new Set((await ask(command, io, 'GET', `${route(id)}/retired-devices`)) as readonly string[]);
      const seen: Seen[] = [];
      let cursor: string | null = null;
      do {
        const query = new URLSearchParams({ limit: String(Math.min(1000, options.limit - seen.length)) });
        if (cursor !== null) query.set('cursor', cursor);
        const { status, body, headers } = await client.request('GET', `${route(id)}/devices?${query}`);
        if (status !== 200) throw refusal(status, body);
        seen.push(...(body as readonly Seen[]));
        cursor = headers.get('x-next-cursor');
      } while (cursor !== null && seen.length < options.limit);
      const unheard = [...retired].filter((device) => !seen.some((each) => each.device === device));
      if (options.json === true)
        for (const each of seen) printJson(io, { ...each, isRetired: retired.has(each.device) });
      else {
        printLine(io, deviceTable(io, seen, retired, cursor === null ? unheard : []));
        if (cursor !== null) printLine(io, 'There are more (--limit).');
      }
    });
  single(
    group,
    io,
    'retire',
    'No longer claim it at HERE, and skip its uplinks until it is released.',
    (id, body, device) => {
      const { isUnclaimed, message } = body as { isUnclaimed: boolean; message: string | null };
      if (!isUnclaimed) io.exitWith(1);
      return `${device} of ${id} is retired${isUnclaimed ? '' : `, but HERE has it still: ${message}. Retire it again`}`;
    },
  );
  single(group, io, 'release', 'Send its uplinks again.', (id, _body, device) => `${device} of ${id} is released`);
  single(
    group,
    io,
    'forget',
    'Erase what the bridge keeps of it, on a data-protection request.',
    (id, body, device) => {
      const { waiting, openCommands, isJournalClean, deadLetters, expired, messages, commands, events, pseudonym } =
        body as ForgottenDevice;
      const counts = `${deadLetters} dead letters, ${expired} expired, ${messages} messages, ${commands} commands, ${events} events`;
      const isDone = waiting === 0 && openCommands === 0 && isJournalClean;
      if (!isDone) io.exitWith(1);
      const rest = isDone
        ? ''
        : ` Still on their way: ${waiting} uplinks, ${openCommands} commands; forget it again in a while.`;
      return `${device} of ${id} is forgotten: ${counts}. The audit calls it ${pseudonym}.${rest}`;
    },
  );
}

function single(
  group: Command,
  io: CliIo,
  name: 'retire' | 'release' | 'forget',
  about: string,
  say: (id: string, body: unknown, device: string) => string,
): void {
  verb(group, name, about, `  here-bridge devices ${name} tenant-a 0018B20000000B20`)
    .argument('<connection>')
    .argument('<DevEUI>', '16 hex digits', devEui)
    .action(async (id: string, device: string, options: { json?: boolean }, command: Command) => {
      const body = await ask(command, io, 'POST', `${route(id)}/devices/${device}/${name}`);
      const line = say(id, body, device);
      if (options.json === true) printJson(io, body);
      else printLine(io, line);
    });
}

function deviceTable(
  io: CliIo,
  seen: readonly Seen[],
  retired: ReadonlySet<string>,
  unheard: readonly string[],
): string {
  const rows = seen.map(({ device, firstSeen, lastSeen, uplinks }) => {
    return [device, firstSeen, lastSeen, String(uplinks), retired.has(device) ? 'retired' : ''];
  });
  for (const device of unheard) rows.push([device, '-', '-', '0', 'retired']);
  return table([['DEVICE', 'FIRST HEARD', 'LAST HEARD', 'UPLINKS', ''], ...rows], (cell, row) =>
    row === 0 ? paint(io, 'dim', cell) : cell,
  );
}

function route(id: string): string {
  return `/connections/${encodeURIComponent(id)}`;
}
