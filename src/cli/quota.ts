// `here-bridge quota`: how much of HERE each app ID uses, against the limits that HERE tells.
import type { Command } from 'commander';
import type { DrainForecast, HereUsage, PeriodUse } from '../domain/ports/facts.ts';
import { AdminClient, refusal } from './admin-client.ts';
import { loadFrom, withConfigOptions } from './config-options.ts';
import { type CliIo, paint, printJson, printLine, table } from './io.ts';

/** As the API shows it: times in ISO 8601. */
type ShownUsage = Omit<HereUsage, 'since' | 'limit' | 'durations'> & {
  readonly since: string;
  readonly limit: (Omit<NonNullable<HereUsage['limit']>, 'toldAt'> & { readonly toldAt: string }) | null;
};

export function registerQuota(program: Command, io: CliIo): void {
  withConfigOptions(program.command('quota'))
    .description(
      'Print requests and records of each app ID over the last minute, hour and day, and the limits of HERE.',
    )
    .option('--json', 'print JSON, one app ID a line')
    .addHelpText(
      'after',
      `
Examples:
  here-bridge quota
  here-bridge quota --json | jq .lastHour

Counted since the start of the bridge, for all connections on an app ID. Exit codes: 0 done, 69 no bridge answers.`,
    )
    .action(async (options: { readonly json?: boolean }, command: Command) => {
      const { config } = await loadFrom(command, io);
      const { status, body } = await (await AdminClient.find(config.dataDir)).request('GET', '/here/usage');
      if (status !== 200) throw refusal(status, body);
      const usages = body as readonly ShownUsage[];
      if (options.json === true) for (const usage of usages) printJson(io, usage);
      else if (usages.length === 0) printLine(io, 'No app ID is in use: no connection has opened its project yet.');
      else printLine(io, usages.map((usage) => usageText(io, usage)).join('\n\n'));
    });
}

function usageText(io: CliIo, usage: ShownUsage): string {
  const { host, appId, since, lastMinute, lastHour, lastDay } = usage;
  const row = (name: string, { requests, records, refused }: PeriodUse) => [
    name,
    ...[requests, records, refused].map(count),
  ];
  const rows = [
    ['', 'REQUESTS', 'RECORDS', 'REFUSED (429, 503)'],
    row('last minute', lastMinute),
    row('last hour', lastHour),
    row('last day', lastDay),
  ];
  const figures = table(rows, (cell, at) => (at === 0 ? paint(io, 'dim', cell) : cell));
  return [`${paint(io, 'bold', appId)} on ${host}, counted since ${since}`, figures, ...limitLines(usage)].join('\n');
}

function limitLines({ limit, permits, requestsPerSecond, pausedMs }: ShownUsage): string[] {
  const { running, waiting, allowed, ceiling } = permits;
  const lines = [`permits: ${running} in use of ${allowed} (at most ${ceiling}), ${waiting} waiting`];
  if (requestsPerSecond !== null) lines.push(`rate: at most ${requestsPerSecond.toFixed(1)} requests a second now`);
  if (limit === null) lines.push('limit: HERE has told none yet');
  else {
    const left = limit.remaining === null ? '' : `, ${limit.remaining} left then`;
    lines.push(`limit: ${limit.requests} in ${limit.periodMs / 1000} s, as HERE said at ${limit.toldAt}${left}`);
  }
  if (pausedMs > 0) lines.push(`HERE wants nothing more for ${duration(pausedMs)}`);
  return lines;
}

/** "12,400 uplinks wait, empty in about 6 min". */
export function forecastText({ waiting, settledPerSecond, receivedPerSecond, emptyInMs }: DrainForecast): string {
  const amount = `${count(waiting)} uplinks wait`;
  if (waiting === 0) return 'nothing waits';
  if (emptyInMs !== null) return `${amount}, empty in about ${duration(emptyInMs)}`;
  if (settledPerSecond === 0 && receivedPerSecond === 0) return `${amount}; nothing has come or gone of late`;
  return `${amount}, and do not get fewer: ${perSecond(receivedPerSecond)} come, ${perSecond(settledPerSecond)} go`;
}

function perSecond(rate: number): string {
  return `${rate < 10 ? rate.toFixed(1) : count(Math.round(rate))}/s`;
}

export function count(value: number): string {
  return value.toLocaleString('en-US');
}

export function duration(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} days`;
}
