// `here-bridge validate FILE`: checks a connection's definition as the bridge would, without a running bridge.
import type { Command } from 'commander';
import { EXIT } from '../domain/errors.ts';
import { definitionValidator } from './definition.ts';
import { type CliIo, paint, printJson, printLine } from './io.ts';
import { nameOf, readJson } from './read-json.ts';

export function registerValidate(program: Command, io: CliIo): void {
  program
    .command('validate')
    .description('Check the definition of a connection: each wrong field is a line with what is allowed.')
    .argument('<file>', 'a definition in JSON; - is standard input')
    .option('--id <id>', 'the key that it will have on the config topic, if the definition has no id of its own')
    .option('--json', 'print {"ok": …, "errors": [{"pointer", "message"}]}')
    .addHelpText(
      'after',
      `
Examples:
  here-bridge validate connection.json
  jq .tenants[0] all.json | here-bridge validate - --json

Exit codes: 0 it is valid, 65 it is not, 66 there is no such file.`,
    )
    .action(async (file: string, options: { id?: string; json?: boolean }) => {
      const value = await readJson(io, file);
      const validate = await definitionValidator();
      const verdict = validate(options.id ?? null, value);
      if (!verdict.ok) io.exitWith(EXIT.data);
      if (options.json === true) printJson(io, verdict.ok ? { ok: true, errors: [] } : verdict);
      else if (verdict.ok) printLine(io, `${paint(io, 'green', 'valid')}: ${nameOf(file)}`);
      else for (const { pointer, message } of verdict.errors) printLine(io, `${pointer || '/'}: ${message}`);
    });
}
