// `here-bridge topics …`: the topics that the bridge uses on Kafka, whether they are set as they must be, and making its own.
import type { Command } from 'commander';
import type { TopicFinding } from '../bridge/topics.ts';
import { EXIT } from '../domain/errors.ts';
import { loadFrom, withConfigOptions } from './config-options.ts';
import { type CliIo, printJson, printLine } from './io.ts';

const EXIT_CODES = `
Exit codes: 0 all are as they must be, 1 some are not, 64 nothing is on Kafka, 69 Kafka does not answer,
78 wrong configuration.`;

const UPLINKS = `
Topics that connections read their uplinks from are shown too, as the definitions on the config topic name them; no bridge
need run. They are made and set by those who write to them: create leaves them alone, and they do not count for its exit code.
`;
/** More are counted. JSON has all. */
const MAX_READERS = 10;

export function registerTopics(program: Command, io: CliIo): void {
  const group = program
    .command('topics')
    .description('Check the topics that the bridge uses on Kafka, and create its own.')
    .addHelpText(
      'after',
      `
Examples:
  here-bridge topics check                    which are there, and what is wrong with their settings
  here-bridge topics create                   make those that are missing
  here-bridge topics check --config compose --json
${UPLINKS}${EXIT_CODES}`,
    );
  verb(group, io, 'check', 'Show every topic with what is wrong and what it risks.', false);
  verb(
    group,
    io,
    'create',
    'Make those of the bridge’s own topics that are missing, with the settings that they need.',
    true,
  );
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
      const { own, uplinks } = await lookAtTopics(config, create, { clock: systemClock, chance: systemChance });
      for (const finding of [...own, ...uplinks]) {
        if (options.json === true) printJson(io, finding);
        else for (const line of linesOf(finding)) printLine(io, line);
      }
      // Where `create` comes before the start of a bridge, no connection must be able to hold the others up.
      if ((create ? own : [...own, ...uplinks]).some(isAmiss)) io.exitWith(EXIT.failed);
    });
}

function isAmiss({ state }: TopicFinding): boolean {
  return state !== 'ok' && state !== 'created' && state !== 'skipped';
}

function linesOf({ topic, state, problems, command, broker, connections = [] }: TopicFinding): string[] {
  const more = connections.length > MAX_READERS ? ` and ${connections.length - MAX_READERS} more` : '';
  const readers = `read from ${broker} by ${connections.slice(0, MAX_READERS).join(', ')}${more}`;
  const details = [...(broker === undefined ? [] : [readers]), ...problems, ...(command === null ? [] : [command])];
  return [`${state.padEnd(8)} ${topic}`, ...details.map((detail) => `         ${detail}`)];
}
