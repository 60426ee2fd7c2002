// `here-bridge ledger` and `here-bridge expired`: where every message is, checked against the journal, and what was too old.
import type { Command } from 'commander';
import { EXIT } from '../domain/errors.ts';
import { addLedgers, imbalance, type Ledger, sumReasons } from '../domain/ledger.ts';
import type { ExpiredUplink, LedgerView } from '../domain/ports/dead-letters.ts';
import { AdminClient, refusal } from './admin-client.ts';
import { wholeNumber } from './arguments.ts';
import { loadFrom, withConfigOptions } from './config-options.ts';
import { type CliIo, paint, printJson, printLine, table } from './io.ts';
import { totalsLine } from './letter-lines.ts';

interface Options {
  readonly json?: boolean;
  readonly limit?: number;
}

type ShownExpired = Omit<ExpiredUplink, 'time'> & { readonly time: string };

const EXIT_CODES = `
Exit codes: 0 done, 1 a ledger does not balance, 66 there is no such connection, 69 no bridge answers.`;

export function registerLedger(program: Command, io: CliIo): void {
  withConfigOptions(program.command('ledger'))
    .description('Print where every message is, by connection and reason, verified against the journal.')
    .argument('[connection]')
    .option('--json', 'print JSON, one value a line')
    .addHelpText(
      'after',
      `\nExamples:\n  here-bridge ledger\n  here-bridge ledger tenant-a --json | jq .ledger\n${EXIT_CODES}`,
    )
    .action(async (id: string | undefined, options: Options, command: Command) => {
      const answer = await ask(command, io, id === undefined ? '/ledgers' : `${route(id)}/ledger`);
      const views = (id === undefined ? answer : [answer]) as readonly LedgerView[];
      if (options.json === true) for (const view of views) printJson(io, view);
      else printLine(io, ledgerText(io, views));
      if (views.some((view) => !isBalanced(view))) io.exitWith(EXIT.failed);
    });
}

export function registerExpired(program: Command, io: CliIo): void {
  const group = program.command('expired').description('See which uplinks were too old, or had no room.');
  withConfigOptions(group.command('ls'))
    .description('List the latest expired uplinks of a connection with device and age, at most 1,000.')
    .argument('<connection>')
    .option('--json', 'print JSON, one value a line')
    .option('--limit <count>', 'at most so many', wholeNumber(1, 1000), 100)
    .addHelpText('after', `\nExamples:\n  here-bridge expired ls tenant-a\n${EXIT_CODES}`)
    .action(async (id: string, options: Options, command: Command) => {
      const answer = await ask(command, io, `${route(id)}/expired?limit=${options.limit ?? 100}`);
      const { counts, uplinks } = answer as {
        readonly counts: Ledger['expired'];
        readonly uplinks: readonly ShownExpired[];
      };
      if (options.json === true) for (const uplink of uplinks) printJson(io, uplink);
      else printLine(io, expiredText(io, counts, uplinks));
    });
}

function isBalanced({ imbalance: off, off: verified }: LedgerView): boolean {
  return off === 0 && (verified ?? 0) === 0;
}

function ledgerText(io: CliIo, views: readonly LedgerView[]): string {
  if (views.length === 0) return 'There are no ledgers.';
  const parts = views.map((view) => {
    const { id, ledger, imbalance: off, off: verified, deadLetters } = view;
    const found = verified === null ? 'it does not run: as published last' : 'verified against the journal';
    const verdict = isBalanced(view)
      ? paint(io, 'green', `balances (${found})`)
      : paint(io, 'red', `DOES NOT BALANCE: columns off by ${off}, journal off by ${verified ?? '?'}`);
    const kept =
      deadLetters === null || deadLetters.count + sum(deadLetters.dropped) === 0
        ? []
        : [`  ${totalsLine(deadLetters)}`];
    return [`${paint(io, 'bold', id)}  ${verdict}`, columns(ledger), ...kept].join('\n');
  });
  if (views.length === 1) return parts[0] as string;
  const all = addLedgers(views.map(({ ledger }) => ledger));
  const verdict = imbalance(all) === 0 ? 'balance' : 'DO NOT BALANCE';
  return [...parts, `${paint(io, 'bold', 'all')}  ${views.length} connections ${verdict}\n${columns(all)}`].join(
    '\n\n',
  );
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}

function columns(ledger: Ledger): string {
  const reasoned = (['expired', 'filtered', 'skipped', 'deadLettered'] as const).map((name) => {
    const reasons = Object.entries(ledger[name]).filter(([, count]) => (count ?? 0) > 0);
    return [name, sumReasons(ledger[name]), reasons.map(([reason, count]) => `${reason} ${count}`).join(', ')] as const;
  });
  const rows = [
    ['received', ledger.received, ''],
    ['delivered', ledger.delivered, ''],
    ['pending', ledger.pending, ''],
    ...reasoned,
  ] as const;
  const width = Math.max(...rows.map(([, count]) => String(count).length));
  return rows
    .map(([name, count, why]) => `  ${name.padEnd(12)}  ${String(count).padStart(width)}  ${why}`.trimEnd())
    .join('\n');
}

function expiredText(io: CliIo, counts: Ledger['expired'], uplinks: readonly ShownExpired[]): string {
  const total = Object.entries(counts).map(([reason, count]) => `${reason} ${count}`);
  const head = `${sumReasons(counts)} uplinks expired${total.length === 0 ? '' : ` (${total.join(', ')})`}.`;
  if (uplinks.length === 0) return head;
  const rows = uplinks.map(({ time, device, reason, ageMs, seq }) => [
    time,
    device ?? '-',
    reason,
    age(ageMs),
    seq === null ? '-' : String(seq),
  ]);
  const text = table([['TIME', 'DEVICE', 'REASON', 'AGE', 'SEQ'], ...rows], (cell, row) =>
    row === 0 ? paint(io, 'dim', cell) : cell,
  );
  return `${text}\n\n${head}`;
}

function age(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} d`;
}

function route(id: string): string {
  return `/connections/${encodeURIComponent(id)}`;
}

async function ask(command: Command, io: CliIo, path: string): Promise<unknown> {
  const { config } = await loadFrom(command, io);
  const { status, body } = await (await AdminClient.find(config.dataDir)).request('GET', path);
  if (status !== 200) throw refusal(status, body);
  return body;
}
