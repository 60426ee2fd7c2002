// `here-bridge sandbox`: a simulated HERE Tracking server, for trying things out and for tests.
import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import { BridgeError, describeError, EXIT } from '../domain/errors.ts';
import type { AccountOptions, FaultName, FaultRule, SandboxOptions } from '../sandbox/options.ts';
import { amount, duration, hostName, wholeNumber } from './arguments.ts';
import { type CliIo, printJson } from './io.ts';

interface Options {
  readonly host: string;
  readonly port: number;
  readonly seed?: number;
  readonly rateLimit?: number;
  readonly maxBatchRecords?: number;
  readonly fourthLogIn?: 'endsOldest' | 'refused';
  readonly tokenLifetime?: number;
  readonly fault?: readonly FaultRule[];
  readonly recordFile?: string;
  readonly accounts?: number;
}

const EXAMPLES = `
Examples:
  here-bridge sandbox --port 8081
  here-bridge sandbox --port 8081 --accounts 10
  here-bridge sandbox --port 8081 --fault 503=0.01 --fault slow=0.05 --rate-limit 50
  here-bridge start --here-url http://127.0.0.1:8081     a bridge that sends there

It prints one line of JSON with url, email, password and appIds when it listens, and runs until Ctrl-C.
It is no place for real data: whoever reaches its port may read and change all of it.`;

export function registerSandbox(program: Command, io: CliIo): void {
  program
    .command('sandbox')
    .description('Run a simulated HERE Tracking server.')
    .option('--host <host>', 'the address to listen on', hostName, '127.0.0.1')
    .option('--port <port>', 'the port to listen on; 0 is any free one', wholeNumber(0, 65_535), 0)
    .option('--seed <number>', 'the same seed makes the same tokens and faults', wholeNumber(0, 2 ** 32 - 1))
    .option('--rate-limit <requests>', 'ingestion requests a second for each app ID', wholeNumber(1, 1_000_000))
    .option('--max-batch-records <records>', 'more in one request are a 413', wholeNumber(1, 1_000_000))
    .option('--fourth-log-in <what>', 'endsOldest or refused', oneOfFourth)
    .option('--token-lifetime <duration>', 'for example 30s; a day by default', duration)
    .option(
      '--fault <name[=rate]>',
      'a fault by name (429, 503, 401, reset, hang, slow …) and rate; may be repeated',
      fault,
    )
    .option('--record-file <file>', 'append what is accepted and refused to this file, one line of JSON a request')
    .option(
      '--accounts <count>',
      'more accounts: owner-N@sandbox.example, password secret-of-N, app ID sandbox-app-N, N from 1 on',
      wholeNumber(0, 10_000),
    )
    .addHelpText('after', EXAMPLES)
    .action(async (options: Options) => {
      const { startSandbox } = await import('../sandbox/server.ts');
      const { aborted } = await import('../ops/signals.ts');
      const { DEFAULT_ACCOUNT } = await import('../sandbox/options.ts');
      const accounts = [DEFAULT_ACCOUNT, ...moreAccounts(options.accounts ?? 0)];
      const sandbox = await startSandbox({ ...toSandboxOptions(options), accounts }).catch((error: unknown) => {
        const message = `The sandbox cannot listen on ${options.host}:${options.port}: ${describeError(error)}`;
        throw new BridgeError('cannotListen', message, { exitCode: EXIT.unavailable, cause: error });
      });
      const signal = io.stopSignal();
      const { url, email, password, appIds } = sandbox;
      printJson(io, { url, email, password, appIds });
      await aborted(signal);
      await sandbox.stop();
    });
}

function toSandboxOptions(options: Options): SandboxOptions {
  const { host, port, seed, rateLimit, maxBatchRecords, fourthLogIn, tokenLifetime, recordFile } = options;
  return {
    host,
    port,
    faults: options.fault ?? [],
    ...(seed === undefined ? {} : { seed }),
    ...(rateLimit === undefined ? {} : { rateLimit: { limit: rateLimit } }),
    ...(maxBatchRecords === undefined ? {} : { maxBatchRecords }),
    ...(fourthLogIn === undefined ? {} : { fourthLogIn }),
    ...(recordFile === undefined ? {} : { recordFile }),
    ...(tokenLifetime === undefined ? {} : { tokenLifetimeS: tokenLifetime / 1000 }),
  };
}

function moreAccounts(count: number): AccountOptions[] {
  return Array.from({ length: count }, (_, at) => {
    const n = at + 1;
    const projects = [{ appId: `sandbox-app-${n}` }];
    return { email: `owner-${n}@sandbox.example`, password: `secret-of-${n}`, projects };
  });
}

function oneOfFourth(text: string): string {
  if (text === 'endsOldest' || text === 'refused') return text;
  throw new InvalidArgumentError('Allowed: endsOldest, refused.');
}

/** The names of sandbox/options.ts `FAULT_NAMES`, without loading the sandbox for `--help`; a test compares them. */
export const FAULTS: readonly FaultName[] = [
  '400',
  '401',
  '403',
  '404',
  '413',
  '429',
  '500',
  '503',
  'reset',
  'hang',
  'slow',
  'half',
  'duplicate204',
];

function fault(text: string, before: readonly FaultRule[] = []): readonly FaultRule[] {
  const [name, rate = '1'] = text.split('=');
  const known = FAULTS.find((candidate) => candidate === name);
  if (known === undefined) throw new InvalidArgumentError(`Allowed: ${FAULTS.join(', ')}.`);
  return [...before, { name: known, rate: amount(0, 1)(rate) }];
}
