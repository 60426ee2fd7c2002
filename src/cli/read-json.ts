// Reads a JSON file or standard input, bounded, with errors that say which file and where.
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { placeOfFault } from '../config/sources.ts';
import { BridgeError, EXIT } from '../domain/errors.ts';
import type { CliIo } from './io.ts';

const MAX_BYTES = 4 * 1024 * 1024;
/** A few lines of YAML may stand for gigabytes otherwise. */
const MAX_ALIASES = 100;

/** `-` is standard input. Throws `noInput` (66) for what cannot be read and `data` (65) for what is too long. */
export async function readInput(io: CliIo, file: string): Promise<Buffer> {
  if (file === '-') return readAll(io.stdin);
  const full = path.resolve(io.cwd, file);
  try {
    if ((await stat(full)).size > MAX_BYTES) throw tooLong(file);
    return await readFile(full);
  } catch (error) {
    if (error instanceof BridgeError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'no such file' : `cannot be read (${code ?? 'error'})`;
    throw new BridgeError('noInput', `${file}: ${why}`, { exitCode: EXIT.noInput, cause: error });
  }
}

/** Parsed; a `$schema` on top is for editors and left out. */
export async function readJson(io: CliIo, file: string): Promise<unknown> {
  const text = (await readInput(io, file)).toString('utf8').replace(/^\uFEFF/, '');
  try {
    return withoutSchema(JSON.parse(text));
  } catch (error) {
    throw new BridgeError('data', `${nameOf(file)}: is not JSON${placeOfFault(text, error)}`, { exitCode: EXIT.data });
  }
}

/** The same, or YAML. */
export async function readJsonOrYaml(io: CliIo, file: string): Promise<unknown> {
  const text = (await readInput(io, file)).toString('utf8').replace(/^\uFEFF/, '');
  try {
    return withoutSchema(JSON.parse(text));
  } catch {
    // Then it is YAML, or nothing: all JSON is YAML.
  }
  const { parseDocument } = await import('yaml');
  const document = parseDocument(text, { prettyErrors: true, uniqueKeys: true });
  const [fault] = document.errors;
  const at = fault?.linePos?.[0];
  const where = at === undefined ? '' : ` (line ${at.line}, column ${at.col})`;
  // The parser's own words quote the text, which may hold a password.
  const refuse = (why: string): BridgeError =>
    new BridgeError('data', `${nameOf(file)}: is neither JSON nor YAML${why}`, { exitCode: EXIT.data });
  if (fault !== undefined) throw refuse(where);
  try {
    return withoutSchema(document.toJS({ maxAliasCount: MAX_ALIASES }));
  } catch {
    throw refuse(`: more than ${MAX_ALIASES} aliases`);
  }
}

function withoutSchema(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, '$schema')) return value;
  const { $schema: _, ...rest } = value as Record<string, unknown>;
  return rest;
}

export function nameOf(file: string): string {
  return file === '-' ? 'standard input' : file;
}

async function readAll(input: AsyncIterable<Buffer | string>): Promise<Buffer> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of input) {
    const chunk = Buffer.from(part);
    bytes += chunk.length;
    if (bytes > MAX_BYTES) throw tooLong('-');
    parts.push(chunk);
  }
  return Buffer.concat(parts);
}

function tooLong(file: string): BridgeError {
  return new BridgeError('data', `${nameOf(file)}: longer than ${MAX_BYTES} bytes`, { exitCode: EXIT.data });
}
