// `here-bridge users …`, `tokens …` and `audit`: who may use the API of the bridge that runs on this machine.
import { type Command, InvalidArgumentError } from 'commander';
import { type AuditEntry, ROLES, type Role, type TokenView, type UserView } from '../domain/access.ts';
import { wholeNumber } from './arguments.ts';
import { ask, verb } from './ask.ts';
import { type CliIo, paint, printJson, printLine, table } from './io.ts';
import { readPassword } from './read-password.ts';

const EXIT_CODES = `
Exit codes: 0 done, 1 it may not be done, 65 a value is not allowed, 66 there is no such user or token, 69 no bridge answers, or
there is such a user already.`;

interface Options {
  readonly json?: boolean;
  readonly role?: Role;
  readonly limit?: number;
  readonly expiresInDays?: number | null;
}

function asRole(text: string): Role {
  if (ROLES.includes(text as Role)) return text as Role;
  throw new InvalidArgumentError(`Allowed: ${ROLES.join(', ')}.`);
}

function dim(io: CliIo): (cell: string, row: number) => string {
  return (cell, row) => (row === 0 ? paint(io, 'dim', cell) : cell);
}

export function registerUsers(program: Command, io: CliIo): void {
  const group = program
    .command('users')
    .description('Who may log in to the API and the console. With the first user everybody has to.')
    .addHelpText('after', EXIT_CODES);

  verb(group, 'ls', 'List all users.', '  here-bridge users ls').action(async (options: Options, command: Command) => {
    const users = (await ask(command, io, 'GET', '/users')) as readonly UserView[];
    if (options.json === true) for (const user of users) printJson(io, user);
    else if (users.length === 0)
      printLine(io, 'There are no users: on the loopback interface everybody is administrator.');
    else {
      const rows = users.map(({ name, role, createdAt, changedAt }) => [name, role, createdAt, changedAt]);
      printLine(io, table([['NAME', 'ROLE', 'SINCE', 'CHANGED'], ...rows], dim(io)));
    }
  });

  verb(
    group,
    'add',
    'Add a user. The password is asked for, or is the first line of standard input.',
    '  here-bridge users add anna --role admin\n  here-bridge users add ci-person --role viewer < password-file',
  )
    .argument('<name>')
    .requiredOption('--role <role>', ROLES.join(', '), asRole)
    .action(async (name: string, options: Options, command: Command) => {
      const password = await readPassword(io, `Password of ${name}: `);
      const user = await ask(command, io, 'POST', '/users', { name, role: options.role, password });
      if (options.json === true) printJson(io, user);
      else printLine(io, `${name} ${paint(io, 'green', 'added')} as ${options.role}`);
    });

  verb(group, 'role', 'Give a user another role; their sessions end.', '  here-bridge users role anna operator')
    .argument('<name>')
    .argument('<role>', ROLES.join(', '), asRole)
    .action(async (name: string, role: Role, options: Options, command: Command) => {
      const user = await ask(command, io, 'PATCH', `/users/${encodeURIComponent(name)}`, { role });
      if (options.json === true) printJson(io, user);
      else printLine(io, `${name} is ${role}`);
    });

  verb(group, 'password', 'Give a user another password; their sessions end.', '  here-bridge users password anna')
    .argument('<name>')
    .action(async (name: string, options: Options, command: Command) => {
      const password = await readPassword(io, `New password of ${name}: `);
      const user = await ask(command, io, 'PATCH', `/users/${encodeURIComponent(name)}`, { password });
      if (options.json === true) printJson(io, user);
      else printLine(io, `${name} has another password`);
    });

  verb(group, 'rm', 'Remove a user, with their sessions and tokens.', '  here-bridge users rm anna')
    .argument('<name>')
    .action(async (name: string, options: Options, command: Command) => {
      await ask(command, io, 'DELETE', `/users/${encodeURIComponent(name)}`);
      if (options.json === true) printJson(io, { name, removed: true });
      else printLine(io, `${name} removed`);
    });
}

export function registerTokens(program: Command, io: CliIo): void {
  const group = program
    .command('tokens')
    .description('API tokens for programs: named, with a role, revocable, expiring.')
    .addHelpText('after', EXIT_CODES);

  verb(group, 'ls', 'List all tokens.', '  here-bridge tokens ls').action(
    async (options: Options, command: Command) => {
      const tokens = (await ask(command, io, 'GET', '/tokens')) as readonly TokenView[];
      if (options.json === true) for (const token of tokens) printJson(io, token);
      else if (tokens.length === 0) printLine(io, 'There are no tokens.');
      else {
        const rows = tokens.map(({ id, name, role, owner, expiresAt, lastUsedAt }) => {
          return [id, name, role, owner ?? '-', expiresAt ?? 'never', lastUsedAt ?? '-'];
        });
        printLine(io, table([['ID', 'NAME', 'ROLE', 'OWNER', 'EXPIRES', 'LAST USED'], ...rows], dim(io)));
      }
    },
  );

  verb(
    group,
    'issue',
    'Make a token and print it: it is shown this once.',
    '  here-bridge tokens issue prometheus --role viewer\n  here-bridge tokens issue ci --role operator --expires-in-days 30',
  )
    .argument('<name>')
    .requiredOption('--role <role>', ROLES.join(', '), asRole)
    .option('--expires-in-days <days>', 'from now on', wholeNumber(1, 3650), 90)
    .option('--no-expiry', 'it does not expire')
    .action(async (name: string, options: Options & { readonly expiry?: boolean }, command: Command) => {
      const expiresInDays = options.expiry === false ? null : (options.expiresInDays ?? 90);
      const made = (await ask(command, io, 'POST', '/tokens', {
        name,
        role: options.role,
        expiresInDays,
      })) as TokenView & {
        readonly token: string;
      };
      if (options.json === true) printJson(io, made);
      else {
        printLine(io, made.token);
        io.stderr.write(
          `Token ${made.id}, ${made.role}, expires ${made.expiresAt ?? 'never'}. It is not shown again.\n`,
        );
      }
    });

  verb(group, 'revoke', 'Revoke a token, at once and everywhere.', '  here-bridge tokens revoke pQ3kX1mZ9aBc')
    .argument('<id>')
    .action(async (id: string, options: Options, command: Command) => {
      await ask(command, io, 'DELETE', `/tokens/${encodeURIComponent(id)}`);
      if (options.json === true) printJson(io, { id, revoked: true });
      else printLine(io, `${id} revoked`);
    });
}

export function registerAudit(program: Command, io: CliIo): void {
  verb(program, 'audit', 'Who changed what, the latest first.', `  here-bridge audit --limit 20\n${EXIT_CODES}`)
    .option('--limit <count>', 'at most so many', wholeNumber(1, 1000), 100)
    .action(async (options: Options, command: Command) => {
      const entries = (await ask(command, io, 'GET', `/audit?limit=${options.limit ?? 100}`)) as readonly AuditEntry[];
      if (options.json === true) for (const entry of entries) printJson(io, entry);
      else if (entries.length === 0) printLine(io, 'Nothing was changed yet.');
      else {
        const rows = entries.map(({ time, who, action, target, outcome, from, detail }) => {
          return [time, who, from ?? '-', action, target ?? '-', outcome, detail ?? ''];
        });
        printLine(io, table([['TIME', 'WHO', 'FROM', 'ACTION', 'TARGET', 'OUTCOME', ''], ...rows], dim(io)));
      }
    });
}
