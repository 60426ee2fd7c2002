// The log: one line of JSON for each thing worth knowing (never per message at info), or plain lines on a terminal.
import { type DestinationStream, type Logger, pino } from 'pino';
import { printable } from '../domain/printable.ts';
import { redact, redactText } from './redact.ts';

export type { Logger };

export interface LogOutput {
  write(line: string): unknown;
  readonly isTTY?: boolean;
}

export interface LoggerOptions {
  readonly level: string;
  /** `auto`: for people when the output is a terminal. */
  readonly pretty: 'auto' | 'always' | 'never';
  readonly output: LogOutput;
  /** False: no colours, whatever the output is. */
  readonly colour: boolean;
}

/** Bytes of one line at most; what is longer keeps its time, level, connection and (cut) message. */
export const MAX_LINE_BYTES = 16 * 1024;

/**
 * Secrets are masked by name at any depth and in texts that look like credentials, in messages too.
 * Use `logger.child({ connectionId })` for what belongs to a connection.
 */
export async function createLogger(options: LoggerOptions): Promise<Logger> {
  const isPretty = options.pretty === 'always' || (options.pretty === 'auto' && options.output.isTTY === true);
  const destination = isPretty ? await prettyStream(options) : options.output;
  const logger = pino(
    {
      level: options.level,
      base: {},
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: {
        level: (level) => ({ level }),
        log: (fields) => redact(fields) as Record<string, unknown>,
      },
      serializers: { err: (error: unknown) => error },
      hooks: {
        logMethod(args, method) {
          const safe: unknown[] = args.map((arg) => (typeof arg === 'string' ? redactText(arg) : arg));
          // Where no message is given pino takes the error's own, as it is.
          const first: unknown = args[0];
          const error = first instanceof Error ? first : (first as { err?: unknown } | null | undefined)?.err;
          if (args.length === 1 && error instanceof Error) safe.push('%s', redactText(error.message));
          method.apply(this, safe as Parameters<typeof method>);
        },
      },
    },
    bounded(destination as DestinationStream),
  );
  // pino applies no formatter to the fields of a child: they are made safe before it gets them. Children inherit this.
  const makeChild = logger.child;
  logger.child = function child(this: Logger, bindings: object, ...rest: []) {
    return makeChild.call(this, redact(bindings) as Record<string, unknown>, ...rest);
  } as typeof logger.child;
  return logger;
}

function bounded(output: DestinationStream): DestinationStream {
  return {
    write(line) {
      output.write(line.length > MAX_LINE_BYTES / 4 && Buffer.byteLength(line) > MAX_LINE_BYTES ? shorten(line) : line);
    },
  };
}

function shorten(line: string): string {
  const { time, level, connectionId, msg } = JSON.parse(line) as Record<string, unknown>;
  return `${JSON.stringify({ level, time, connectionId, msg, leftOutBytes: Buffer.byteLength(line) })}\n`;
}

const STACK_LINE = /\n(?= +at )/;

/** In this thread: a worker thread would lose the last lines of a process that ends. */
async function prettyStream({ output, colour }: LoggerOptions): Promise<DestinationStream> {
  const { prettyFactory } = await import('pino-pretty');
  const toText = prettyFactory({
    colorize: colour,
    singleLine: true,
    translateTime: 'SYS:HH:MM:ss.l',
    ignore: 'connectionId',
    messageFormat: (log, key) => `${log.connectionId === undefined ? '' : `[${log.connectionId}] `}${log[key] ?? ''}`,
  });
  return {
    write(line) {
      const text = toText(JSON.parse(line, withoutControls)) ?? '';
      // In names of fields: JSON leaves these as they are.
      output.write(text.replaceAll(/[\u007f-\u009f\u2028\u2029]/g, printable));
    },
  };
}

/** Foreign texts in messages and fields neither steer the terminal nor look like a line of ours; a stack keeps its own lines. */
function withoutControls(name: string, value: unknown): unknown {
  if (typeof value !== 'string') return value;
  return name === 'stack' ? value.split(STACK_LINE).map(printable).join('\n') : printable(value);
}
