// The options by which dead letters are chosen, and the body that the admin interface wants of them.
import { type Command, InvalidArgumentError, Option } from 'commander';
import { BridgeError, EXIT } from '../domain/errors.ts';
import { DEAD_LETTER_REASONS } from '../domain/uplink.ts';
import { systemClock } from '../ops/clock.ts';
import { devEui, wholeNumber } from './arguments.ts';

export interface FilterOptions {
  readonly reason?: readonly string[];
  readonly device?: string;
  readonly since?: Date;
  readonly until?: Date;
  readonly all?: boolean;
}

const UNIT_MS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const ISO_TIME = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?)?$/;

export function withFilter(command: Command): Command {
  return command
    .addOption(
      new Option('--reason <reason>', 'of this reason; may be repeated').choices(DEAD_LETTER_REASONS).argParser(reason),
    )
    .option('--device <DevEUI>', 'of this device', devEui)
    .option('--since <time>', 'from this time on: 2026-11-01T08:00:00Z, or an age such as 2h or 3d', moment)
    .option('--until <time>', 'before this time', moment);
}

/** As `ids` of the filter. */
export function letterId(text: string): number {
  return wholeNumber(1, Number.MAX_SAFE_INTEGER)(text);
}

export function letterIds(text: string, before: readonly number[] = []): readonly number[] {
  return [...before, letterId(text)];
}

export function filterOf(options: FilterOptions, ids: readonly number[] = []): Readonly<Record<string, unknown>> {
  const { reason: reasons, device, since, until } = options;
  return {
    ...(ids.length === 0 ? {} : { ids }),
    ...(reasons === undefined ? {} : { reasons }),
    ...(device === undefined ? {} : { device }),
    ...(since === undefined ? {} : { since: since.toISOString() }),
    ...(until === undefined ? {} : { until: until.toISOString() }),
  };
}

/** For verbs that change things: nothing chosen is not everything. */
export function choiceOf(options: FilterOptions, ids: readonly number[]): Readonly<Record<string, unknown>> {
  const filter = filterOf(options, ids);
  if (Object.keys(filter).length > 0 && options.all === true) {
    throw usage('--all and a choice exclude each other');
  }
  if (Object.keys(filter).length === 0 && options.all !== true) {
    throw usage('say which: ids, --reason, --device, --since, --until, or --all');
  }
  return filter;
}

export function usage(message: string): BridgeError {
  return new BridgeError('usage', message, { exitCode: EXIT.usage });
}

function reason(text: string, before: readonly string[] | undefined): readonly string[] {
  if (DEAD_LETTER_REASONS.some((known) => known === text)) return [...(before ?? []), text];
  throw new InvalidArgumentError(`Allowed: ${DEAD_LETTER_REASONS.join(', ')}.`);
}

function moment(text: string): Date {
  const age = /^(\d{1,9})([smhd])$/.exec(text.trim());
  if (age !== null) return new Date(systemClock.now() - Number(age[1]) * UNIT_MS[age[2] as keyof typeof UNIT_MS]);
  const ms = ISO_TIME.test(text.trim()) ? Date.parse(text.trim()) : Number.NaN;
  if (Number.isNaN(ms))
    throw new InvalidArgumentError('Allowed: a time such as 2026-11-01T08:00:00Z, or an age such as 2h or 3d.');
  return new Date(ms);
}
