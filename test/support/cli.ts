// Runs the command line in this process, with texts in place of streams; or the real launcher in a child process.
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import path from 'node:path';
import { runCli } from '../../src/cli/program.ts';

export interface CliResult {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export interface CliOptions {
  readonly stdin?: string;
  readonly env?: Record<string, string>;
  readonly cwd?: string;
  readonly isTTY?: boolean;
  readonly signal?: AbortSignal;
  readonly onOut?: (text: string) => void;
}

export const launcher = path.resolve(import.meta.dirname, '../../bin/here-bridge.js');

export async function cli(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  let out = '';
  let err = '';
  const code = await runCli(
    args,
    {
      stdout: {
        write: (text) => {
          out += text;
          options.onOut?.(text);
        },
        isTTY: options.isTTY ?? false,
        columns: 100,
      },
      stderr: {
        write: (text) => {
          err += text;
        },
      },
      stdin: (async function* () {
        yield options.stdin ?? '';
      })(),
      env: options.env ?? {},
      cwd: options.cwd ?? '/nowhere',
      stopSignal: () => options.signal ?? AbortSignal.abort(),
    },
    '1.2.3',
  );
  return { code, out, err };
}

/** What `--help` says, by verb: of `connections apply` too; of the program itself under ''. */
export async function helpOfEachVerb(): Promise<ReadonlyMap<string, string>> {
  const help = new Map<string, string>();
  const learn = async (words: readonly string[]): Promise<void> => {
    const { out } = await cli([...words, '--help']);
    help.set(words.join(' '), out);
    const commands = out.split('\nCommands:\n')[1]?.split('\n\n')[0] ?? '';
    for (const [, verb] of commands.matchAll(/^ {2}([a-z-]+)/gm)) {
      if (verb !== undefined && verb !== 'help') await learn([...words, verb]);
    }
  };
  await learn([]);
  return help;
}

export interface Running {
  readonly child: ChildProcessWithoutNullStreams;
  /** What it has written so far. */
  readonly output: { out: string; err: string };
  /** Resolves when standard output has matched; rejects when the process ends before. */
  until(pattern: RegExp): Promise<void>;
  readonly ended: Promise<CliResult & { readonly signal: NodeJS.Signals | null }>;
}

/** `node`: this process's by default; `program`: another launcher; `user`: the number of another one. The environment is empty but for PATH and what is given. */
export function startLauncher(
  args: readonly string[],
  options: { node?: string; program?: string; user?: number; env?: Record<string, string> } = {},
): Running {
  const env = { PATH: process.env.PATH ?? '', ...options.env };
  const child = spawn(options.node ?? process.execPath, [options.program ?? launcher, ...args], {
    env,
    ...(options.user === undefined ? {} : { uid: options.user }),
  });
  const output = { out: '', err: '' };
  child.stdout.on('data', (chunk: Buffer) => {
    output.out += chunk;
  });
  child.stderr.on('data', (chunk: Buffer) => {
    output.err += chunk;
  });
  const ended: Running['ended'] = new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ ...output, code, signal }));
  });
  const until = (pattern: RegExp): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (pattern.test(output.out)) resolve();
      };
      child.stdout.on('data', look);
      child.on('close', () => reject(new Error(`ended without ${pattern}: ${output.out}${output.err}`)));
      look();
    });
  return { child, output, until, ended };
}
