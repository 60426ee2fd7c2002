// Exports of dead letters as NDJSON: written page by page, read line by line, never whole in memory.
import { createReadStream } from 'node:fs';
import path from 'node:path';
import type { FieldError } from '../domain/connection.ts';
import { BridgeError, EXIT } from '../domain/errors.ts';
import type { DeadLetterRecord } from '../domain/ports/dead-letters.ts';
import type { AdminClient } from './admin-client.ts';
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

/** What was taken before a bad line stays taken: importing the mended file brings no letter twice. */
export async function importLetters(client: AdminClient, route: string, io: CliIo, file: string): Promise<Imported> {
  const sum: Imported = { imported: 0, present: 0, replayed: 0 };
  let batch: { readonly line: number; readonly letter: unknown }[] = [];
  let characters = 0;
  const send = async (): Promise<void> => {
    if (batch.length === 0) return;
    const sent = batch.map(({ letter }) => letter);
    const { status, body } = await client.request('POST', `${route}/import`, sent);
    if (status === 400) throw badLetter(file, batch, body);
    if (status !== 200) throw refusal(status, body);
    const { imported, present, replayed } = body as Imported;
    sum.imported += imported;
    sum.present += present;
    sum.replayed += replayed;
    batch = [];
    characters = 0;
  };
  for await (const { line, text } of linesOf(io, file)) {
    if (text.trim() === '') continue;
    batch.push({ line, letter: parse(file, line, text) });
    characters += text.length;
    if (batch.length >= BATCH_LETTERS || characters >= BATCH_CHARACTERS) await send();
  }
  await send();
  return sum;
}

function parse(file: string, line: number, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw data(`${nameOf(file)}, line ${line}: is not JSON`);
  }
}

function badLetter(file: string, batch: readonly { readonly line: number }[], body: unknown): BridgeError {
  const { errors, message } = body as { readonly errors?: readonly FieldError[]; readonly message?: string };
  const [first] = errors ?? [];
  const line = first === undefined ? undefined : batch[Number(first.pointer.slice(1))]?.line;
  if (first === undefined || line === undefined) return data(`${nameOf(file)}: ${message ?? 'was refused'}`);
  return data(`${nameOf(file)}, line ${line}: is no dead letter: ${first.message}`);
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
      if (restBytes > MAX_LINE_BYTES)
        throw data(`${nameOf(file)}, line ${line + 1}: longer than ${MAX_LINE_BYTES} bytes`);
    }
  } catch (error) {
    if (error instanceof BridgeError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'no such file' : `cannot be read (${code ?? 'error'})`;
    throw new BridgeError('noInput', `${file}: ${why}`, { exitCode: EXIT.noInput, cause: error });
  }
  if (restBytes > 0) yield { line: line + 1, text: Buffer.concat(rest).toString('utf8') };
}
