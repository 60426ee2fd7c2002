// `here-bridge chaos`: kills and disturbs a bridge of its own, and counts whether anything was lost.
import { type Command, Option } from 'commander';
import { BridgeError, EXIT } from '../domain/errors.ts';
import { numberRange, wholeNumber } from './arguments.ts';
import { type CliIo, printJson } from './io.ts';

interface Options {
  readonly rounds: number;
  readonly seed: number;
  readonly uplinks: number;
  readonly broker: 'both' | 'mosquitto' | 'embedded';
  readonly only?: { readonly from: number; readonly to: number };
  readonly keep?: boolean;
  readonly json?: boolean;
}

const EXAMPLES = `
Examples:
  here-bridge chaos --rounds 3
  here-bridge chaos --rounds 20 --seed 1 --json
  here-bridge chaos --rounds 20 --seed 1 --only 7 --keep      one round of that schedule again, its logs kept

Each round runs a bridge, a broker and a simulated HERE Tracking as processes of their own on 127.0.0.1, publishes uplinks,
kills and disturbs all of them, and then counts: what publishers got a PUBACK for against what HERE holds. About half a
minute a round. Nothing outside of a temporary folder is touched; as root on Linux it mounts a small disk there to fill it.

The last line is the verdict as JSON. Exit codes: 0 nothing was lost, all came back in time, no alarm; 1 otherwise; 69 without a
verdict: a part of the stack did not start, or did not answer where it has to.`;

export function registerChaos(program: Command, io: CliIo): void {
  program
    .command('chaos')
    .description('Kill and disturb a bridge, broker and simulated HERE, and count whether anything is lost.')
    .option('--rounds <count>', 'how many rounds', wholeNumber(1, 100_000), 3)
    .option('--seed <number>', 'the same seed draws the same faults', wholeNumber(0, 2 ** 32 - 1), 1)
    .option('--uplinks <count>', 'uplinks a round', wholeNumber(30, 1_000_000), 2_400)
    .addOption(
      new Option('--broker <kind>', 'which broker; Mosquitto must be installed')
        .choices(['both', 'mosquitto', 'embedded'])
        .default('both'),
    )
    .option('--only <rounds>', 'only these rounds of the schedule, counted from 1: 7 or 7-12', numberRange(1, 100_000))
    .option('--keep', 'keep logs and data of all rounds, not only of failed ones')
    .option('--json', 'standard output is the verdict alone; the rest goes to standard error')
    .addHelpText('after', EXAMPLES)
    .action(async (options: Options) => {
      const signal = io.stopSignal();
      const { runChaos } = await import('../chaos/chaos.ts');
      const output = options.json === true ? io.stderr : io.stdout;
      const { rounds, seed, uplinks, only = null, keep = false, broker } = options;
      if (only !== null && only.to > rounds) {
        throw new BridgeError('usage', `--only ${only.to}: the schedule has ${rounds} rounds; see --rounds`, {
          exitCode: EXIT.usage,
        });
      }
      const verdict = await runChaos({
        rounds,
        seed,
        uplinks,
        only,
        keep,
        broker: broker === 'both' ? null : broker,
        env: io.env,
        signal,
        say: (line) => output.write(`${line}\n`),
      }).catch((error: unknown) => {
        throw new BridgeError('chaosFailed', error instanceof Error ? error.message : String(error), {
          exitCode: EXIT.unavailable,
          cause: error,
        });
      });
      printJson(io, verdict);
      io.exitWith(verdict.ok ? EXIT.ok : EXIT.failed);
    });
}
