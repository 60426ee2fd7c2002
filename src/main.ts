// The process's edge: arguments, environment, streams, signals, exit code.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { runCli } from './cli/program.ts';
import { describeError, EXIT } from './domain/errors.ts';
import { systemClock } from './ops/clock.ts';
import { redactText } from './ops/redact.ts';
import { listenForStop, type StopListener } from './ops/signals.ts';

/** A supervisor commonly kills after 10 s. */
const STOP_DEADLINE_MS = 10_000;
/** What still keeps the process alive after its work is done gets so long to end by itself. */
const LINGER_MS = 1000;
const PARENT_WATCH_MS = 500;

// Journals, databases and keys are this user's alone, also in a folder that others may enter; SQLite takes its files' mode from here.
process.umask(0o077);

// What was given as arguments may be secret (`--set`); on Linux the title takes its place in the list of processes.
process.title = 'here-bridge';

let stopListener: StopListener | null = null;

function dieOf(error: unknown): never {
  // Whatever it was: an error's words may quote a URL with credentials.
  process.stderr.write(`here-bridge: a defect: ${redactText(describeError(error).replaceAll('\n', ' '))}\n`);
  if (process.env.DEBUG && error instanceof Error) process.stderr.write(`${redactText(error.stack ?? '')}\n`);
  process.exit(EXIT.software);
}

process.on('uncaughtException', dieOf);
process.on('unhandledRejection', dieOf);

// Whoever reads our output may have gone (`| head`): then nobody is left to write for. What runs until it is stopped stops.
let isReaderGone = false;
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  if (stopListener === null) process.exit(EXIT.ok);
  if (!isReaderGone) process.kill(process.pid, 'SIGTERM');
  isReaderGone = true;
});
process.stderr.on('error', () => {});

// Started by the launcher: when that is killed its channel closes, and nothing of it may stay behind.
if (process.channel) {
  process.channel.unref();
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
}

// Started by npm or npx: SIGTERM reaches npm's shell, which ends without passing it on (npm 11 and dash, seen): the change of
// parent is all that tells. Elsewhere a lost parent is no reason to stop, as with nohup.
if (process.env.npm_command) {
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    process.kill(process.pid, 'SIGTERM');
  }, PARENT_WATCH_MS).unref();
}

function stopSignal(): AbortSignal {
  stopListener ??= listenForStop({
    source: process,
    clock: systemClock,
    deadlineMs: STOP_DEADLINE_MS,
    exit: (code) => process.exit(code),
    report: (line) => process.stderr.write(`here-bridge: ${line}\n`),
  });
  return stopListener.signal;
}

const { version } = JSON.parse(readFileSync(path.join(import.meta.dirname, '../package.json'), 'utf8')) as {
  version: string;
};
const { stdin, stdout, stderr, env } = process;
const world = { stdin, stdout, stderr, env, cwd: process.cwd(), stopSignal };
// The bridge's own timers keep no process alive: without this one a verb that only waits would end in the middle.
const hold = setInterval(() => {}, 2 ** 30);
process.exitCode = await runCli(process.argv.slice(2), world, version);
clearInterval(hold);
// Ended on purpose, when all is written: left to itself, Node first frees what is left of handles, and was seen to wait for one of
// them for ever, at a whole core (nodejs/node#47748; after an hour of chaos, whose connections end in every way there is).
process.once('beforeExit', () => process.exit());
setTimeout(() => process.exit(), LINGER_MS).unref();
