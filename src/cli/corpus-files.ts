// Reads captured messages, whatever wrote them down: a list, one JSON, or one a line.
import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { BridgeError, EXIT } from '../domain/errors.ts';
import { isPlainObject } from '../domain/plain-object.ts';
import type { CliIo } from './io.ts';
import { readInput } from './read-json.ts';

export interface CorpusMessage {
  readonly topic: string;
  readonly payload: Buffer;
  /** Maker and model where the entry itself names them. */
  readonly model: string | null;
  readonly arrivedAt: number;
  /** Of a decoder's test: the position that must come out; null: none must. */
  readonly expected?: { readonly lat: number; readonly lng: number } | null | undefined;
}

const ENDINGS = new Set(['.json', '.jsonl', '.ndjson']);
const MAX_BYTES = 256 * 1024 * 1024;
/** Of entries that name none: it gives no device. */
const TOPIC = 'captured';
/** A decoder's test has no device: this one stands for it. */
const DEVICE = '0000000000000001';

/** Throws `noInput` (66) for what is not there and `data` (65) for what holds no JSON. */
export async function readCorpus(io: CliIo, where: string, now: number): Promise<CorpusMessage[]> {
  const messages: CorpusMessage[] = [];
  for (const { name, text } of await textsOf(io, where)) {
    for (const entry of entriesOf(text, name)) messages.push(messageOf(entry, now));
  }
  return messages;
}

async function textsOf(io: CliIo, where: string): Promise<{ name: string; text: string }[]> {
  if (where === '-') return [{ name: 'standard input', text: (await readInput(io, '-')).toString('utf8') }];
  const full = path.resolve(io.cwd, where);
  try {
    const found = await stat(full);
    const files = found.isDirectory()
      ? (await readdir(full, { recursive: true })).filter((file) => ENDINGS.has(path.extname(file))).toSorted()
      : [''];
    const texts: { name: string; text: string }[] = [];
    let bytes = 0;
    for (const file of files) {
      const one = path.join(full, file);
      bytes += (await stat(one)).size;
      if (bytes > MAX_BYTES)
        throw new BridgeError('data', `${where}: more than ${MAX_BYTES} bytes`, { exitCode: EXIT.data });
      texts.push({ name: file || where, text: await readFile(one, 'utf8') });
    }
    return texts;
  } catch (error) {
    if (error instanceof BridgeError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    throw new BridgeError('noInput', `${where}: ${code === 'ENOENT' ? 'no such file' : `cannot be read (${code})`}`, {
      exitCode: EXIT.noInput,
      cause: error,
    });
  }
}

function entriesOf(text: string, name: string): unknown[] {
  const whole = parsed(text.replace(/^\uFEFF/, ''));
  if (whole !== undefined) return Array.isArray(whole) ? whole : [whole];
  const entries: unknown[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const entry = parsed(line);
    if (entry === undefined) {
      throw new BridgeError('data', `${name}, line ${index + 1}: is not JSON`, { exitCode: EXIT.data });
    }
    entries.push(entry);
  }
  return entries;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function messageOf(entry: unknown, now: number): CorpusMessage {
  if (!isPlainObject(entry)) return { topic: TOPIC, payload: bytesOf(entry), model: null, arrivedAt: now };
  const model =
    [entry.vendor ?? entry.manufacturer, entry.model].filter((part) => typeof part === 'string').join('/') || null;
  if ('decoded' in entry && entry.DevEUI === undefined) return decoderTest(entry, model, now);
  if (typeof entry.topic === 'string' && entry.payload !== undefined) {
    return { topic: entry.topic, payload: bytesOf(entry.payload), model: null, arrivedAt: now };
  }
  if (isPlainObject(entry.message) && ('source' in entry || 'note' in entry)) {
    return { topic: TOPIC, payload: bytesOf(entry.message), model: null, arrivedAt: now };
  }
  return { topic: TOPIC, payload: bytesOf(entry), model: null, arrivedAt: now };
}

function decoderTest(entry: Record<string, unknown>, model: string | null, now: number): CorpusMessage {
  const { decoded, points, fPort, bytesHex, recvTime, expect } = entry;
  const received = typeof recvTime === 'string' ? Date.parse(recvTime) : now;
  const uplink = {
    Time: new Date(received).toISOString(),
    DevEUI: DEVICE,
    FPort: fPort ?? 1,
    FCntUp: 1,
    payload_hex: bytesHex ?? '00',
    payload: decoded,
    points,
  };
  const isExpectation = expect === null || (isPlainObject(expect) && 'lat' in expect);
  return {
    topic: TOPIC,
    payload: bytesOf({ DevEUI_uplink: uplink }),
    model,
    arrivedAt: received,
    expected: isExpectation ? (expect as CorpusMessage['expected']) : undefined,
  };
}

function bytesOf(content: unknown): Buffer {
  return Buffer.from(typeof content === 'string' ? content : JSON.stringify(content));
}
