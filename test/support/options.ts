// The options of the commands that are not shipped. What does not read ends with exit code 64: a check of no seeds would pass.
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { wholeNumber } from '../../src/cli/arguments.ts';

/** Of a seed, and of how many there may be. */
export const MOST_SEED = 2 ** 32 - 1;

/** What the command line gave for these options; others end the process, by name. */
export function optionsOf<const T extends NonNullable<ParseArgsConfig['options']>>(options: T) {
  return orExit(() => parseArgs({ options }).values);
}

/** A whole number of an option; anything else ends the process, with what is allowed. */
export function wholeOption(name: string, text: string, min: number, max = MOST_SEED): number {
  return orExit(() => wholeNumber(min, max)(text), `--${name} "${text}": `);
}

function orExit<T>(read: () => T, before = ''): T {
  try {
    return read();
  } catch (error) {
    console.error(`${before}${(error as Error).message}`);
    process.exit(64);
  }
}
