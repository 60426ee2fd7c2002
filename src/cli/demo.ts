// `here-bridge demo`: broker, bridge, simulated fleet and simulated HERE Tracking in one process.
import type { Command } from 'commander';
import { amount, duration, wholeNumber } from './arguments.ts';
import type { CliIo } from './io.ts';

/** As given on the command line. */
export interface DemoOptions {
  /** The run ends by itself after this time, in ms; absent: at Ctrl-C. */
  readonly for?: number;
  readonly devices: number;
  /** Uplinks a second, all trackers together. */
  readonly rate: number;
  readonly seed: number;
  readonly json?: boolean;
}

const EXAMPLES = `
Examples:
  npm run demo
  npm run demo -- --rate 500 --devices 2000
  npm run demo -- --for 20s --json

Exit codes: 0 the ledger balanced, 1 it did not.`;

export function registerDemo(program: Command, io: CliIo): void {
  program
    .command('demo')
    .description('Watch a simulated fleet go through the bridge into a simulated HERE Tracking.')
    .option('--for <duration>', 'end by itself after this time, for example 20s', duration)
    .option('--devices <count>', 'how many trackers', wholeNumber(1, 1_000_000), 60)
    .option('--rate <number>', 'uplinks a second, all trackers together', amount(0.1, 100_000), 40)
    .option('--seed <number>', 'the same seed makes the same fleet', wholeNumber(0, 2 ** 32 - 1), 1)
    .option('--json', 'no live view; the last line is the ledger as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (options: DemoOptions) => {
      const { runDemo } = await import('./demo/run-demo.ts');
      io.exitWith(await runDemo(options, io));
    });
}
