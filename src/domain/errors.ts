// The bridge's error type: a stable code for programs, plain words for people, and the exit code it leads to.

/** Exit codes after sysexits.h, so that scripts and supervisors can tell them apart. */
export const EXIT = {
  ok: 0,
  /** A verb's verdict was negative (for example an unbalanced demo). */
  failed: 1,
  /** Wrong use of the command line. */
  usage: 64,
  /** Input that does not validate. */
  data: 65,
  /** A named thing that does not exist. */
  noInput: 66,
  /** A worker or service that does not answer. */
  unavailable: 69,
  /** A defect of the bridge. */
  software: 70,
  /** Another bridge holds the data directory or the config prefix. */
  inUse: 75,
  /** The configuration is wrong. */
  config: 78,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export class BridgeError extends Error {
  readonly code: string;
  readonly exitCode: ExitCode;

  constructor(code: string, message: string, options: { exitCode?: ExitCode; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'BridgeError';
    this.code = code;
    this.exitCode = options.exitCode ?? EXIT.software;
  }
}

/** Thrown by whoever is told of something that must not be acknowledged yet: it is to be told again. */
export class NotKept extends Error {}

/** One line for a person from whatever was thrown. */
export function describeError(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return describeError(error.errors[0]);
  if (error instanceof Error) {
    const code = (error as NodeJS.ErrnoException).code;
    return code !== undefined && !error.message.includes(code)
      ? `${error.message} (${code})`
      : error.message || error.name;
  }
  return String(error);
}
