// Exports of dead letters as NDJSON: written page by page, read line by line, never whole in memory.
import { createReadStream } from 'node:fs';
import path from 'node:path';
import { BridgeError, EXIT } from '../domain/errors.ts';
import type { DeadLetterRecord } from '../domain/ports/dead-letters.ts';
import type { AdminAnswer, AdminClient, AdminFault } from './admin-client.ts';
import { refusal } from './admin-client.ts';
import { type CliIo, printJson } from './io.ts';
import { nameOf } from './read-json.ts';

export interface Imported {
  imported: number;
  present: number;
  replayed: number;
}

const PAGE = 200;
const BATCH_LETTERS = 200;
const BATCH_CHARACTERS = 1024 * 1024;
const MAX_LINE_BYTES = 48 * 1024 * 1024;
const NEW_LINE = 0x0a;

/** Prints all that match, the oldest first; returns how many. */
export async function exportLetters(client: AdminClient, route: string, filter: object, io: CliIo): Promise<number> {
  let count = 0;
  for (let after: number | null = 0; after !== null; ) {
    const body = { filter, order: 'oldest', after, limit: PAGE, content: true };
    const { status, body: answer } = await client.request('POST', `${route}/search`, body);
    if (status !== 200) throw refusal(status, answer);
    const page = answer as { readonly letters: readonly DeadLetterRecord[]; readonly next: number | null };
    for (const letter of page.letters) printJson(io, letter);
    count += page.letters.length;
    after = page.next;
  }
  return count;
}

interface Line {
  readonly line: number;
  readonly letter: unknown;
}

/** A line that is no dead letter. */
class BadLine extends Error {
  readonly line: number;

  constructor(line: number, message: string) {
    super(message);
    this.line = line;
  }
}

/**
 * What stands before a bad line is taken, and stays taken: importing the mended file brings no letter twice. Throws BridgeErrors
 * `data` with the bad line's number, `noInput`, and what the bridge refuses.
 */
export async function importLetters(client: AdminClient, route: string, io: CliIo, file: string): Promise<Imported> {
  const sum: Imported = { imported: 0, present: 0, replayed: 0 };
  let batch: Line[] = [];
  let characters = 0;
  const post = async (lines: readonly Line[]): Promise<AdminAnswer> => {
    const letters = lines.map(({ letter }) => letter);
    const answer = await client.request('POST', `${route}/import`, letters);
    if (answer.status !== 200) return answer;
    const { imported, present, replayed } = answer.body as Imported;
    sum.imported += imported;
    sum.present += present;
    sum.replayed += replayed;
    return answer;
  };
  const send = async (): Promise<void> => {
    const lines = batch;
    batch = [];
    characters = 0;
    if (lines.length === 0) return;
    const { status, body } = await post(lines);
    if (status === 200) return;
    if (status !== 400) throw refusal(status, body);
    // One bad letter refuses the whole part.
    const { at, error } = badLetter(file, lines, body);
    const before = at > 0 ? await post(lines.slice(0, at)) : null;
    if (before !== null && before.status !== 200) throw refusal(before.status, before.body);
    throw error;
  };
  try {
    for await (const { line, text } of linesOf(io, file)) {
      if (text.trim() === '') continue;
      batch.push({ line, letter: parse(line, text) });
      characters += text.length;
      if (batch.length >= BATCH_LETTERS || characters >= BATCH_CHARACTERS) await send();
    }
    await send();
  } catch (error) {
    if (!(error instanceof BadLine)) throw error;
    const bad = await send().then(
      () => error,
      // One of those before it, of which nobody knew yet.
      (earlier: unknown) => earlier,
    );
    throw bad instanceof BadLine ? data(`${nameOf(file)}, line ${bad.line}: ${bad.message}${takenBefore(sum)}`) : bad;
  }
  return sum;
}

function takenBefore({ imported, present, replayed }: Imported): string {
  const count = imported + present + replayed;
  if (count === 0) return '';
  const taken = count === 1 ? 'the letter before it is' : `the ${count} letters before it are`;
  return `; ${taken} taken: mend it and import the whole file again, nothing comes twice`;
}

function parse(line: number, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new BadLine(line, 'is not JSON');
  }
}

/** `at`: how many of the lines are before it. */
function badLetter(
  file: string,
  lines: readonly Line[],
  body: unknown,
): { readonly at: number; readonly error: BadLine | BridgeError } {
  const { errors, message } = body as AdminFault;
  const [first] = errors ?? [];
  const at = first === undefined ? -1 : Number(first.pointer.slice(1));
  const line = lines[at]?.line;
  if (first === undefined || line === undefined) {
    return { at: 0, error: data(`${nameOf(file)}: ${message ?? 'was refused'}`) };
  }
  return { at, error: new BadLine(line, `is no dead letter: ${first.message}`) };
}

function data(message: string): BridgeError {
  return new BridgeError('data', message, { exitCode: EXIT.data });
}

async function* linesOf(io: CliIo, file: string): AsyncGenerator<{ readonly line: number; readonly text: string }> {
  const input = file === '-' ? io.stdin : createReadStream(path.resolve(io.cwd, file));
  let rest: Buffer[] = [];
  let restBytes = 0;
  let line = 0;
  try {
    for await (const part of input) {
      let chunk = Buffer.from(part);
      for (let at = chunk.indexOf(NEW_LINE); at >= 0; at = chunk.indexOf(NEW_LINE)) {
        line += 1;
        yield { line, text: Buffer.concat([...rest, chunk.subarray(0, at)]).toString('utf8') };
        rest = [];
        restBytes = 0;
        chunk = chunk.subarray(at + 1);
      }
      rest.push(chunk);
      restBytes += chunk.length;
      if (restBytes > MAX_LINE_BYTES) throw new BadLine(line + 1, `longer than ${MAX_LINE_BYTES} bytes`);
    }
  } catch (error) {
    if (error instanceof BadLine) throw error;
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'no such file' : `cannot be read (${code ?? 'error'})`;
    throw new BridgeError('noInput', `${file}: ${why}`, { exitCode: EXIT.noInput, cause: error });
  }
  if (restBytes > 0) yield { line: line + 1, text: Buffer.concat(rest).toString('utf8') };
}
