// Reads a password: hidden and twice on a terminal, else the first line of standard input. Never an argument, which all processes see.
import { BridgeError, EXIT } from '../domain/errors.ts';
import type { CliIo } from './io.ts';

const MAX_LENGTH = 4096;

interface Terminal extends AsyncIterable<Buffer | string> {
  readonly isTTY?: boolean;
  setRawMode?(raw: boolean): unknown;
}

/** Throws a BridgeError: `usage` (64) when two that were typed differ, `data` (65) when there is none. */
export async function readPassword(io: CliIo, prompt: string): Promise<string> {
  const stdin = io.stdin as Terminal;
  if (stdin.isTTY !== true || stdin.setRawMode === undefined) {
    const [line = ''] = (await readAll(stdin)).split(/\r?\n/, 1);
    if (line === '') throw new BridgeError('data', 'Standard input holds no password', { exitCode: EXIT.data });
    return line;
  }
  const lines = readHidden(stdin, io, [prompt, 'Once more: ']);
  const [first = '', second = ''] = await lines;
  if (first !== second) throw new BridgeError('usage', 'The two differ', { exitCode: EXIT.usage });
  return first;
}

async function readAll(stdin: AsyncIterable<Buffer | string>): Promise<string> {
  let text = '';
  for await (const chunk of stdin) {
    text += chunk.toString();
    if (text.length > MAX_LENGTH) break;
  }
  return text;
}

/** Typed characters are not shown. Ctrl-C ends it, backspace takes the last one away. */
async function readHidden(stdin: Terminal, io: CliIo, prompts: readonly string[]): Promise<string[]> {
  const lines: string[] = [];
  let line = '';
  stdin.setRawMode?.(true);
  try {
    io.stderr.write(prompts[0] ?? '');
    for await (const chunk of stdin) {
      for (const char of chunk.toString()) {
        if (char === '\u0003') throw new BridgeError('stopped', 'Stopped', { exitCode: EXIT.failed });
        if (char === '\u007f' || char === '\b') line = [...line].slice(0, -1).join('');
        else if (char === '\r' || char === '\n') {
          io.stderr.write('\n');
          lines.push(line);
          line = '';
          if (lines.length === prompts.length) return lines;
          io.stderr.write(prompts[lines.length] ?? '');
        } else if (line.length < MAX_LENGTH) line += char;
      }
    }
    return lines;
  } finally {
    stdin.setRawMode?.(false);
  }
}
