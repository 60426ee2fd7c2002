// `here-bridge config`: the values in force and where each came from.
import type { Command } from 'commander';
import { loadFrom, withConfigOptions } from './config-options.ts';
import { type CliIo, printJson, printLine } from './io.ts';

export function registerConfig(program: Command, io: CliIo): void {
  withConfigOptions(program.command('config'))
    .description('Check the configuration and print the values in force, secrets as *****, with where each came from.')
    .option('--json', 'Print one line of JSON: {key: {value, from, env}}.')
    .option('--markdown', 'Print the documentation of all values (docs/configuration.md).')
    .addHelpText(
      'after',
      `
Examples:
  here-bridge config                          what is in force here
  here-bridge config --config compose         with config/compose.json
  here-bridge config --json | jq '."http.port"'
  HERE_BRIDGE_LOG_LEVEL=debug here-bridge config --set http.port=9000

Exit code 78: the configuration is wrong; each fault is a line on standard error.`,
    )
    .action(async (options: { json?: boolean; markdown?: boolean }, command: Command) => {
      const { describeConfig, renderConfig, renderConfigMarkdown } = await import('../config/describe.ts');
      if (options.markdown === true) {
        io.stdout.write(renderConfigMarkdown());
        return;
      }
      const { values } = await loadFrom(command, io);
      if (options.json === true) printJson(io, describeConfig(values));
      else printLine(io, renderConfig(values));
    });
}
