// `here-bridge here …`: the projects of a connection's account and the devices of its project, as HERE has them now.
import type { Command } from 'commander';
import { AdminClient, refusal } from './admin-client.ts';
import { wholeNumber } from './arguments.ts';
import { ask, verb } from './ask.ts';
import { loadFrom } from './config-options.ts';
import { type CliIo, paint, printJson, printLine, table } from './io.ts';

interface Project {
  readonly appId: string;
  readonly projectName: string;
  readonly type: string | null;
  readonly isExpired: boolean;
  readonly endsAt: string | null;
  readonly devicesLeft: number | null;
}

interface Listed {
  readonly device: string | null;
  readonly trackingId: string | null;
  readonly reported: unknown;
  /** By the bridge. */
  readonly lastSeen: string | null;
}

const EXIT_CODES = `
Exit codes: 0 done, 1 HERE says no to the account, 66 there is no such connection, 69 no bridge answers, or HERE does not.`;

export function registerHere(program: Command, io: CliIo): void {
  const group = program
    .command('here')
    .description('Ask HERE with the account of a connection: its projects, and the devices of its project.')
    .addHelpText(
      'after',
      `\nExamples:\n  here-bridge here projects tenant-a\n  here-bridge here devices tenant-a\n${EXIT_CODES}`,
    );
  verb(
    group,
    'projects',
    'List the projects of its account: licence, end, devices left.',
    '  here-bridge here projects tenant-a',
  )
    .argument('<connection>')
    .action(async (id: string, options: { json?: boolean }, command: Command) => {
      const route = `/here/projects?connectionId=${encodeURIComponent(id)}`;
      const projects = (await ask(command, io, 'GET', route)) as readonly Project[];
      if (options.json === true) for (const project of projects) printJson(io, project);
      else printLine(io, projectTable(io, projects));
    });
  verb(
    group,
    'devices',
    'List its project’s devices beside what the bridge has heard.',
    '  here-bridge here devices tenant-a --limit 20',
  )
    .argument('<connection>')
    .option('--limit <count>', 'at most so many', wholeNumber(1, 100_000), 1000)
    .action(async (id: string, options: { json?: boolean; limit: number }, command: Command) => {
      const { config } = await loadFrom(command, io);
      const client = await AdminClient.find(config.dataDir);
      const rows: Listed[] = [];
      let cursor: string | null = null;
      do {
        const query = new URLSearchParams({
          connectionId: id,
          limit: String(Math.min(1000, options.limit - rows.length)),
        });
        if (cursor !== null) query.set('cursor', cursor);
        const { status, body, headers } = await client.request('GET', `/here/devices?${query}`);
        if (status !== 200) throw refusal(status, body);
        rows.push(...(body as readonly Listed[]));
        cursor = headers.get('x-next-cursor');
      } while (cursor !== null && rows.length < options.limit);
      if (options.json === true) for (const row of rows) printJson(io, row);
      else {
        printLine(io, deviceTable(io, rows));
        if (cursor !== null) printLine(io, 'There are more (--limit).');
      }
    });
}

function projectTable(io: CliIo, projects: readonly Project[]): string {
  const rows = projects.map(({ appId, projectName, type, isExpired, endsAt, devicesLeft }) => {
    const end = `${endsAt ?? '-'}${isExpired ? ' (expired)' : ''}`;
    return [appId, type ?? '-', end, devicesLeft === null ? '-' : String(devicesLeft), projectName];
  });
  return headed(io, ['APP ID', 'LICENCE', 'ENDS', 'DEVICES LEFT', 'PROJECT'], rows);
}

function deviceTable(io: CliIo, devices: readonly Listed[]): string {
  const rows = devices.map(({ device, trackingId, reported, lastSeen }) => {
    const { timestamp, position } = (reported ?? {}) as {
      timestamp?: unknown;
      position?: { lat?: unknown; lng?: unknown };
    };
    const at = position?.lat === undefined ? '-' : `${position.lat}, ${position.lng}`;
    return [device ?? trackingId ?? '-', lastSeen ?? '-', timeOf(timestamp), at];
  });
  return headed(io, ['DEVICE', 'HEARD BY THE BRIDGE', 'LATEST AT HERE', 'POSITION'], rows);
}

function headed(io: CliIo, head: readonly string[], rows: readonly (readonly string[])[]): string {
  return table([head, ...rows], (cell, row) => (row === 0 ? paint(io, 'dim', cell) : cell));
}

function timeOf(timestamp: unknown): string {
  if (typeof timestamp === 'number' && Math.abs(timestamp) <= 8.64e15) return new Date(timestamp).toISOString();
  return typeof timestamp === 'string' ? timestamp.slice(0, 40) : '-';
}
