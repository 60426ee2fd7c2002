// The options that all verbs with a configuration share, and loading it from them.
import type { Command } from 'commander';
import type { LoadedConfig } from '../config/load.ts';
import { VALUES } from '../config/schema.ts';
import type { FlagValue } from '../config/sources.ts';
import { BridgeError, EXIT } from '../domain/errors.ts';
import { collect } from './arguments.ts';
import type { CliIo } from './io.ts';

/** The entry of a map that a flag stands for, where it is about "the" broker or "the" service. */
const FLAG_ENTRIES: Readonly<Record<string, string>> = {
  'brokers.<name>.': 'brokers.main.',
  'here.services.<name>.': 'here.services.here.',
};

function flagKey(key: string): string {
  for (const [map, entry] of Object.entries(FLAG_ENTRIES)) if (key.startsWith(map)) return key.replace(map, entry);
  return key;
}

const FLAGS = VALUES.filter((spec) => spec.flag !== null).map((spec) => ({
  flag: spec.flag!.split(' ')[0]!,
  declaration: spec.flag!,
  key: flagKey(spec.key),
  about: `${spec.meaning.replaceAll('`', '')} (${flagKey(spec.key)})`,
}));

export function withConfigOptions(command: Command): Command {
  command.option(
    '-c, --config <file>',
    'A configuration file, by path or by its name in config/; may be repeated.',
    collect,
  );
  for (const { declaration, about } of FLAGS) command.option(declaration, about);
  return command.option('--set <key=value>', 'Any value of the configuration; may be repeated.', collect);
}

/** Throws a ConfigError (exit code 78) that names all that is wrong. */
export async function loadFrom(command: Command, io: CliIo): Promise<LoadedConfig> {
  const { loadConfig } = await import('../config/load.ts');
  const options = command.optsWithGlobals() as Record<string, unknown>;
  const flags: FlagValue[] = [];
  for (const { flag, key } of FLAGS) {
    const text = options[camelCase(flag)];
    if (typeof text === 'string') flags.push({ key, text, flag });
  }
  for (const pair of (options.set as string[] | undefined) ?? []) {
    const at = pair.indexOf('=');
    if (at < 1)
      throw new BridgeError('usage', `--set wants key=value, not ${JSON.stringify(pair)}`, { exitCode: EXIT.usage });
    flags.push({ key: pair.slice(0, at), text: pair.slice(at + 1), flag: '--set' });
  }
  return loadConfig({ files: (options.config as string[] | undefined) ?? [], flags, env: io.env, cwd: io.cwd });
}

function camelCase(flag: string): string {
  return flag.replace(/^--/, '').replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
}
