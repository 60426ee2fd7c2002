// `here-bridge keys …`: which secret keys are in use, and their rotation.
import type { Command } from 'commander';
import { EXIT } from '../domain/errors.ts';
import type { KeysView, RotationView } from '../domain/ports/keys.ts';
import { ask, verb } from './ask.ts';
import { type CliIo, paint, printJson, printLine, table } from './io.ts';

interface Options {
  readonly json?: boolean;
}

const EXIT_CODES = `
Exit codes: 0 done, 1 some definitions could not be sealed anew, 66 there is no such former key, 69 no bridge answers, or a key is
still needed.`;

export function registerKeys(program: Command, io: CliIo): void {
  const group = program
    .command('keys')
    .description('The keys that encrypt passwords, tokens and users. Keys themselves are never shown, only their ids.')
    .addHelpText('after', EXIT_CODES);

  verb(group, 'ls', 'List the keys, and how many definitions need each.', '  here-bridge keys ls').action(
    async (options: Options, command: Command) => {
      const view = (await ask(command, io, 'GET', '/keys')) as KeysView;
      if (options.json === true) printJson(io, view);
      else printLine(io, keysTable(io, view));
    },
  );

  verb(
    group,
    'rotate',
    'Seal everything with a new key. A generated key is replaced; for one of the configuration replace it there first.',
    '  here-bridge keys rotate\n  here-bridge keys ls\n  here-bridge keys forget 1a2b3c4d',
  ).action(async (options: Options, command: Command) => {
    const rotated = (await ask(command, io, 'POST', '/keys/rotate')) as RotationView;
    if (options.json === true) printJson(io, rotated);
    else {
      printLine(
        io,
        `Key ${paint(io, 'green', rotated.keyId)} is in use; ${rotated.renewed} definitions were sealed anew.`,
      );
      for (const { id, message } of rotated.failed) printLine(io, `${paint(io, 'red', id)}: ${message}`);
      const former = rotated.formerIds.join(', ');
      if (former !== '') printLine(io, `Former keys still read: ${former}. Back the new one up now.`);
    }
    if (rotated.failed.length > 0) io.exitWith(EXIT.failed);
  });

  verb(
    group,
    'forget',
    'Drop a former key for good. Tokens of HERE accounts follow a rotation within a day; dropped earlier, they are fetched anew.',
    '  here-bridge keys forget 1a2b3c4d',
  )
    .argument('<id>')
    .action(async (id: string, options: Options, command: Command) => {
      const view = (await ask(command, io, 'DELETE', `/keys/${encodeURIComponent(id)}`)) as KeysView;
      if (options.json === true) printJson(io, view);
      else printLine(io, `${id} is gone`);
    });
}

function keysTable(io: CliIo, { keyId, formerIds, isGenerated, definitions }: KeysView): string {
  const place = isGenerated ? 'in the data directory' : 'of the configuration';
  const rows = [
    [keyId, `current, ${place}`, String(definitions[keyId] ?? 0)],
    ...formerIds.map((id) => [id, 'former, reads only', String(definitions[id] ?? 0)]),
  ];
  const known = new Set([keyId, ...formerIds]);
  for (const [id, count] of Object.entries(definitions)) {
    if (!known.has(id))
      rows.push([id, id === 'plain' ? 'not encrypted by their producer' : 'missing here', String(count)]);
  }
  return table([['KEY', 'WHAT', 'DEFINITIONS'], ...rows], (cell, row) => (row === 0 ? paint(io, 'dim', cell) : cell));
}
