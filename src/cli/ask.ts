// One question to the running worker, with the options that name its configuration.
import type { Command } from 'commander';
import { AdminClient, refusal } from './admin-client.ts';
import { loadFrom, withConfigOptions } from './config-options.ts';
import type { CliIo } from './io.ts';

/** The body of a good answer. Throws the worker's refusal with the exit code that fits. */
export async function ask(
  command: Command,
  io: CliIo,
  method: Parameters<AdminClient['request']>[0],
  route: string,
  body?: unknown,
): Promise<unknown> {
  const { config } = await loadFrom(command, io);
  const client = await AdminClient.find(config.dataDir);
  const answer = await client.request(method, route, body);
  if (answer.status >= 300) throw refusal(answer.status, answer.body);
  return answer.body;
}

export function verb(group: Command, name: string, about: string, help: string): Command {
  return withConfigOptions(group.command(name))
    .description(about)
    .option('--json', 'print JSON, one value a line')
    .addHelpText('after', `\nExamples:\n${help}`);
}
