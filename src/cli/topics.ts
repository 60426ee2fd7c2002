// `here-bridge topics …`: the topics that the bridge keeps on Kafka, whether they are set as they must be, and making them.
import type { Command } from 'commander';
import { EXIT } from '../domain/errors.ts';
import { loadFrom, withConfigOptions } from './config-options.ts';
import { type CliIo, printJson, printLine } from './io.ts';

const EXIT_CODES = `
Exit codes: 0 all are as they must be, 1 some are not, 64 nothing is on Kafka, 69 Kafka does not answer,
78 wrong configuration.`;

export function registerTopics(program: Command, io: CliIo): void {
  const group = program
    .command('topics')
    .description('Check and create the topics that the bridge keeps on Kafka.')
    .addHelpText(
      'after',
      `
Examples:
  here-bridge topics check                    which are there, and what is wrong with their settings
  here-bridge topics create                   make those that are missing
  here-bridge topics check --config compose --json
${EXIT_CODES}`,
    );
  verb(group, io, 'check', 'Show every topic with what is wrong and what it risks.', false);
  verb(group, io, 'create', 'Make the topics that are missing, with the settings that they need.', true);
}

function verb(group: Command, io: CliIo, name: string, about: string, create: boolean): void {
  withConfigOptions(group.command(name))
    .description(about)
    .option('--json', 'print JSON, one topic a line')
    .addHelpText('after', `\nExample:\n  here-bridge topics ${name}\n${EXIT_CODES}`)
    .action(async (options: { json?: boolean }, command: Command) => {
      const { config } = await loadFrom(command, io);
      const { lookAtTopics } = await import('../bridge/topics.ts');
      const { systemChance, systemClock } = await import('../ops/clock.ts');
      const found = await lookAtTopics(config, create, { clock: systemClock, chance: systemChance });
      for (const finding of found) {
        if (options.json === true) printJson(io, finding);
        else {
          printLine(io, `${finding.state.padEnd(8)} ${finding.topic}`);
          for (const problem of finding.problems) printLine(io, `         ${problem}`);
          if (finding.command !== null) printLine(io, `         ${finding.command}`);
        }
      }
      if (found.some(({ state }) => state !== 'ok' && state !== 'created')) io.exitWith(EXIT.failed);
    });
}
