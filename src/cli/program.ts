// The command line's frame: verbs, help, errors and exit codes.
import { Command, CommanderError } from 'commander';
import { BridgeError, describeError, EXIT, type ExitCode } from '../domain/errors.ts';
import { printable } from '../domain/printable.ts';
import { redactText } from '../ops/redact.ts';
import { registerBackup } from './backup.ts';
import { registerBrokers } from './brokers.ts';
import { registerChaos } from './chaos.ts';
import { registerCommands } from './commands.ts';
import { registerConfig } from './config.ts';
import { registerConnections } from './connections.ts';
import { registerConvert } from './convert.ts';
import { registerCorpus } from './corpus.ts';
import { registerDeadLetters } from './dead-letters.ts';
import { registerDemo } from './demo.ts';
import { registerDevices } from './devices.ts';
import { registerDoctor } from './doctor.ts';
import { registerFleet } from './fleet.ts';
import { registerHere } from './here.ts';
import type { CliIo } from './io.ts';
import { registerKeys } from './keys.ts';
import { registerExpired, registerLedger } from './ledger.ts';
import { registerMap } from './map.ts';
import { registerQuota } from './quota.ts';
import { registerRestore } from './restore.ts';
import { registerSandbox } from './sandbox.ts';
import { registerSchema } from './schema.ts';
import { registerStart } from './start.ts';
import { registerSupportBundle } from './support-bundle.ts';
import { registerTopics } from './topics.ts';
import { registerTrace } from './trace.ts';
import { registerAudit, registerTokens, registerUsers } from './users.ts';
import { registerValidate } from './validate.ts';
import { registerWorkers } from './workers.ts';

const HELP = `
Examples:
  here-bridge demo                       a simulated fleet through the bridge into a simulated HERE Tracking
  here-bridge start                      run the bridge
  here-bridge config                     what is configured, and where it came from
  here-bridge validate connection.json   check a definition
  here-bridge connections ls             what the running bridge does
  here-bridge ledger                     where every message is
  here-bridge trace tenant-a 0018B20000000B20
                                         what happened to a device's recent uplinks
  here-bridge dead-letters ls tenant-a   what HERE refused, to be mended and sent again
  here-bridge <verb> --help              more about a verb

Exit codes: 0 done, 1 negative result, 64 wrong use, 65 wrong input, 66 no such thing, 69 nothing answers,
70 a defect of the bridge, 75 another bridge is in the way, 78 wrong configuration.`;

function createProgram(io: CliIo, version: string): Command {
  const program = new Command('here-bridge')
    .description('Carries LoRaWAN device traffic from message brokers to HERE Tracking.')
    .version(version)
    .showHelpAfterError('(add --help for how to use it)')
    .addHelpText('after', HELP)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      getOutHelpWidth: () => Math.min(120, io.stdout.columns ?? 100),
      getErrHelpWidth: () => Math.min(120, io.stderr.columns ?? 100),
    });
  registerStart(program, io);
  registerDemo(program, io);
  registerSandbox(program, io);
  registerFleet(program, io);
  registerChaos(program, io);
  registerConfig(program, io);
  registerValidate(program, io);
  registerConvert(program, io);
  registerConnections(program, io);
  registerBrokers(program, io);
  registerDevices(program, io);
  registerHere(program, io);
  registerLedger(program, io);
  registerDeadLetters(program, io);
  registerExpired(program, io);
  registerWorkers(program, io);
  registerCommands(program, io);
  registerMap(program, io);
  registerCorpus(program, io);
  registerTopics(program, io);
  registerTrace(program, io);
  registerQuota(program, io);
  registerDoctor(program, io);
  registerSchema(program, io);
  registerSupportBundle(program, io);
  registerBackup(program, io);
  registerRestore(program, io);
  registerUsers(program, io);
  registerTokens(program, io);
  registerAudit(program, io);
  registerKeys(program, io);
  return program;
}

/** `args`: without the program's name. Never throws; resolves with the exit code when the verb has ended. */
export async function runCli(args: readonly string[], io: Omit<CliIo, 'exitWith'>, version: string): Promise<ExitCode> {
  let code: ExitCode = EXIT.ok;
  const program = createProgram(
    {
      ...io,
      exitWith: (verdict) => {
        code = verdict;
      },
    },
    version,
  );
  try {
    await program.parseAsync([...args], { from: 'user' });
    return code;
  } catch (error) {
    return explainFailure(error, io);
  }
}

function explainFailure(error: unknown, { stderr, env }: Pick<CliIo, 'stderr' | 'env'>): ExitCode {
  // commander has said what is wrong already; asking for help or the version is no fault.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (error instanceof BridgeError) {
    for (const line of error.message.split('\n')) stderr.write(`here-bridge: ${printable(line)}\n`);
    return error.exitCode;
  }
  stderr.write(`here-bridge: a defect: ${printable(redactText(describeError(error).replaceAll('\n', ' ')))}\n`);
  if (env.DEBUG !== undefined && error instanceof Error) stderr.write(`${redactText(error.stack ?? '')}\n`);
  return EXIT.software;
}
