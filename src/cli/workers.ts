// `here-bridge workers`: the workers that share the connections, and what each serves.
import type { Command } from 'commander';
import { EXIT } from '../domain/errors.ts';
import type { ClusterWorker } from '../domain/ports/cluster.ts';
import { AdminClient, refusal } from './admin-client.ts';
import { loadFrom, withConfigOptions } from './config-options.ts';
import { type CliIo, paint, printJson, printLine, table } from './io.ts';

interface Options {
  readonly json?: boolean;
  readonly connections?: boolean;
}

export function registerWorkers(program: Command, io: CliIo): void {
  withConfigOptions(program.command('workers'))
    .description('List the workers that share the connections, and what each serves.')
    .option('--json', 'print JSON, one worker a line')
    .option('--connections', 'name the connections of each')
    .addHelpText(
      'after',
      `
Examples:
  here-bridge workers
  here-bridge workers --json | jq -r 'select(.alive) | .worker'

Exit codes: 0 all of them live and hear from Kafka, 1 one does not, 69 no bridge answers.`,
    )
    .action(async (options: Options, command: Command) => {
      const { config } = await loadFrom(command, io);
      const admin = await AdminClient.find(config.dataDir);
      const { status, body } = await admin.request('GET', '/workers');
      if (status !== 200) throw refusal(status, body);
      const workers = body as readonly ClusterWorker[];
      if (options.json === true) for (const worker of workers) printJson(io, worker);
      else printLine(io, textOf(io, workers, options.connections === true));
      if (workers.some(({ alive, serves, confirmed }) => !alive || (serves && !confirmed))) io.exitWith(EXIT.failed);
    });
}

function textOf(io: CliIo, workers: readonly ClusterWorker[], withConnections: boolean): string {
  if (workers.length === 0)
    return 'One worker, alone: connections are shared among several where ownership.broker is set.';
  const rows = workers.map((each) => [
    each.worker,
    stateOf(each),
    String(each.partitions.length),
    String(each.connections.length),
    `${each.host} ${each.pid}`,
    each.address ?? '-',
    `${(each.heardMsAgo / 1000).toFixed(1)} s ago`,
  ]);
  const head = ['WORKER', 'STATE', 'PARTITIONS', 'CONNECTIONS', 'HOST PID', 'ADDRESS', 'HEARD'];
  const text = table([head, ...rows], (cell, row) => (row === 0 ? paint(io, 'dim', cell) : cell));
  if (!withConnections) return text;
  return [text, ...workers.map(({ worker, connections }) => `${worker}: ${connections.join(', ') || 'none'}`)].join(
    '\n',
  );
}

function stateOf({ alive, serves, confirmed }: ClusterWorker): string {
  if (!alive) return 'gone';
  if (!serves) return 'api only';
  return confirmed ? 'serves' : 'does not hear from Kafka';
}
