// `here-bridge schema`: the JSON schemas that editors use for configuration files and definitions.
import { Argument, type Command } from 'commander';
import type { CliIo } from './io.ts';

export function registerSchema(program: Command, io: CliIo): void {
  program
    .command('schema')
    .description('Print the JSON schema of a configuration file or of a definition, for editors.')
    .addArgument(new Argument('<of>').choices(['config', 'connection']))
    .addHelpText(
      'after',
      `
Examples:
  here-bridge schema config > config.schema.json
  here-bridge schema connection > connection.schema.json

The same are in config/schema/. A file names its own with "$schema": "./config.schema.json".`,
    )
    .action(async (of: string) => {
      const schema = of === 'config' ? await configSchema() : await connectionSchema();
      io.stdout.write(`${JSON.stringify(schema, null, 2)}\n`);
    });
}

async function configSchema(): Promise<object> {
  const { configJsonSchema } = await import('../config/json-schema.ts');
  return configJsonSchema();
}

async function connectionSchema(): Promise<object> {
  const { SCHEMA_DIALECT } = await import('../config/json-schema.ts');
  const { DefinitionSchema } = await import('../domain/connection.ts');
  const { properties, ...rest } = DefinitionSchema;
  const $schema = { type: 'string', description: 'The JSON schema of this file, for editors.' };
  return {
    $schema: SCHEMA_DIALECT,
    title: 'Definition of a connection of the HERE Tracking Bridge',
    ...rest,
    properties: { $schema, ...properties },
  };
}
