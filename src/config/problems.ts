// What is wrong with a configuration: all of it at once, one readable line each, secrets masked.
import { BridgeError, EXIT } from '../domain/errors.ts';
import type { ValueSpec } from './value-spec.ts';

export interface ConfigProblem {
  /** The key, the variable or the file that is at fault. */
  readonly key: string;
  /** As text, masked and cut; null where there is none to show. */
  readonly value: string | null;
  /** What is wrong or what is allowed. */
  readonly message: string;
  /** Where the value came from; null: from the key itself. */
  readonly origin: string | null;
}

export class ConfigError extends BridgeError {
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    super('configInvalid', problems.map(problemLine).join('\n'), { exitCode: EXIT.config });
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

function problemLine({ key, value, message, origin }: ConfigProblem): string {
  return `${key}${value === null ? '' : ` = ${value}`}${origin === null ? '' : ` (from ${origin})`}: ${message}`;
}

export const MASK = '*****';
const LONGEST_SHOWN = 200;

/** One line of JSON text; secrets and credentials in URLs masked. */
export function showValue(spec: Pick<ValueSpec, 'secret'>, value: unknown): string {
  if (spec.secret && value !== null && !(Array.isArray(value) && value.length === 0)) return MASK;
  const text = (JSON.stringify(value) ?? String(value)).replace(/(:\/\/)[^\s"]*@/g, `$1${MASK}@`);
  return text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}…` : text;
}
