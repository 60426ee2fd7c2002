// `here-bridge doctor`: a tick or a plain sentence for everything that a bridge stands on.
import type { Command } from 'commander';
import { BridgeError, describeError, EXIT } from '../domain/errors.ts';
import { AdminClient } from './admin-client.ts';
import { loadFrom, withConfigOptions } from './config-options.ts';
import { type CliIo, paint, printJson, printLine } from './io.ts';

interface Finding {
  readonly what: string;
  readonly ok: boolean;
  readonly message: string;
}

export function registerDoctor(program: Command, io: CliIo): void {
  withConfigOptions(program.command('doctor'))
    .description('Look at configuration, disk, brokers, topics, clock and HERE, and say what is not well.')
    .option('--json', 'print JSON, one finding a line: {what, ok, message}')
    .addHelpText(
      'after',
      `
Examples:
  here-bridge doctor
  here-bridge doctor --config site.json --json | jq 'select(.ok | not)'

Nothing is changed, and no log-in is tried at HERE. It may run beside a bridge.
Exit codes: 0 all is well, 1 something is not.`,
    )
    .action(async (options: { readonly json?: boolean }, command: Command) => {
      const tell = (finding: Finding): void => {
        if (!finding.ok) io.exitWith(EXIT.failed);
        if (options.json === true) printJson(io, finding);
        else printLine(io, line(io, finding));
      };
      const loaded = await loadFrom(command, io).catch((error: unknown) => {
        if (!(error instanceof BridgeError) || error.exitCode !== EXIT.config) throw error;
        return error;
      });
      if (loaded instanceof BridgeError) {
        tell({ what: 'configuration', ok: false, message: loaded.message.replaceAll('\n', '; ') });
        return;
      }
      const { config } = loaded;
      tell({ what: 'configuration', ok: true, message: 'it is valid' });
      const running = await runningBridge(config.dataDir);
      tell(running.finding);
      const { examine } = await import('../bridge/doctor.ts');
      const { systemChance, systemClock } = await import('../ops/clock.ts');
      const parts = { clock: systemClock, chance: systemChance, isRunning: running.isRunning };
      for await (const finding of examine(config, parts)) tell(finding);
    });
}

async function runningBridge(dataDir: string): Promise<{ readonly isRunning: boolean; readonly finding: Finding }> {
  const what = 'bridge';
  try {
    const { status, body } = await (await AdminClient.find(dataDir)).request('GET', '/status');
    const { ready, pid, version } = body as { ready?: boolean; pid?: number; version?: string };
    const ok = status === 200 && ready === true;
    const message = ok ? `version ${version} runs (pid ${pid})` : 'it runs, but cannot read the config topic';
    return { isRunning: true, finding: { what, ok, message } };
  } catch (error) {
    const isAbsent = error instanceof BridgeError && error.code === 'noWorker';
    const message = isAbsent ? 'none runs on this data directory' : describeError(error);
    return { isRunning: false, finding: { what, ok: isAbsent, message } };
  }
}

function line(io: CliIo, { what, ok, message }: Finding): string {
  return `${ok ? paint(io, 'green', '✓') : paint(io, 'red', '✗')} ${what}: ${message}`;
}
