// Archives in the tar format (POSIX ustar; sizes from 8 GiB on in base 256, as GNU tar writes them): plain files only, streamed.
import { BridgeError, EXIT } from '../domain/errors.ts';

const BLOCK = 512;
const MAX_NAME_BYTES = 100;
const MAX_FOLDER_BYTES = 155;
const OCTAL_LIMIT = 8 ** 11;

export interface TarEntry {
  readonly name: string;
  readonly bytes: number;
}

export function tarHeader({ name, bytes }: TarEntry, mtimeMs: number): Buffer {
  const header = Buffer.alloc(BLOCK);
  // What is too long has its folder in a field of its own.
  const cut = Buffer.byteLength(name) > MAX_NAME_BYTES ? name.lastIndexOf('/') : -1;
  const [folder, own] = [name.slice(0, Math.max(0, cut)), name.slice(cut + 1)];
  if (Buffer.byteLength(own) > MAX_NAME_BYTES || Buffer.byteLength(folder) > MAX_FOLDER_BYTES) {
    throw new RangeError(`"${name}" is too long for an archive`);
  }
  header.write(own, 0);
  header.write(folder, 345);
  header.write('0000600\0', 100);
  header.write('0000000\0', 108);
  header.write('0000000\0', 116);
  if (bytes < OCTAL_LIMIT) header.write(`${bytes.toString(8).padStart(11, '0')}\0`, 124);
  else {
    header[124] = 0x80;
    header.writeBigUInt64BE(BigInt(bytes), 128);
  }
  header.write(
    `${Math.floor(mtimeMs / 1000)
      .toString(8)
      .padStart(11, '0')}\0`,
    136,
  );
  header.write('0', 156);
  header.write('ustar\x0000', 257);
  header.write(`${checksum(header).toString(8).padStart(6, '0')}\0 `, 148);
  return header;
}

/** What fills an entry's last block. */
export function tarPadding(bytes: number): Buffer {
  return Buffer.alloc((BLOCK - (bytes % BLOCK)) % BLOCK);
}

export const TAR_END = Buffer.alloc(2 * BLOCK);

/** Of the header, its own field counted as blanks. */
function checksum(header: Buffer): number {
  let sum = 8 * 0x20;
  for (let i = 0; i < BLOCK; i++) if (i < 148 || i >= 156) sum += header[i]!;
  return sum;
}

/** Reads an archive entry by entry. Throws a BridgeError `data` (65) where it is cut off, damaged, or holds anything but plain files. */
export class TarReader {
  readonly #input: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(input: AsyncIterable<Buffer>) {
    this.#input = input[Symbol.asyncIterator]();
  }

  /** The next entry, whose `content` must be read to its end before; null: the archive has ended. */
  async next(): Promise<TarEntry | null> {
    const header = await this.#exactly(BLOCK);
    if (header.every((byte) => byte === 0)) return null;
    if (Number.parseInt(text(header, 148, 8), 8) !== checksum(header)) throw broken('it is damaged, or no archive');
    const type = String.fromCharCode(header[156]!);
    if (type !== '0' && type !== '\0') throw broken(`it holds an entry of type ${JSON.stringify(type)}`);
    const bytes =
      header[124] === 0x80 ? Number(header.readBigUInt64BE(128)) : Number.parseInt(text(header, 124, 12), 8);
    if (!Number.isSafeInteger(bytes) || bytes < 0) throw broken('it is damaged');
    const folder = text(header, 345, MAX_FOLDER_BYTES);
    const own = text(header, 0, MAX_NAME_BYTES);
    return { name: folder === '' ? own : `${folder}/${own}`, bytes };
  }

  async *content({ bytes }: TarEntry): AsyncGenerator<Buffer, void> {
    for (let left = bytes; left > 0; ) {
      if (this.#rest.length === 0) await this.#more();
      const part = this.#rest.subarray(0, left);
      this.#rest = this.#rest.subarray(part.length);
      left -= part.length;
      yield part;
    }
    await this.#exactly(tarPadding(bytes).length);
  }

  async #exactly(bytes: number): Promise<Buffer> {
    while (this.#rest.length < bytes) await this.#more();
    const part = this.#rest.subarray(0, bytes);
    this.#rest = this.#rest.subarray(bytes);
    return part;
  }

  async #more(): Promise<void> {
    const { value, done } = await this.#input.next();
    if (done === true) throw broken('it is cut off');
    this.#rest = this.#rest.length === 0 ? value : Buffer.concat([this.#rest, value]);
  }
}

function text(header: Buffer, at: number, length: number): string {
  return header.toString('utf8', at, at + length).replace(/[\0 ].*$/s, '');
}

function broken(why: string): BridgeError {
  return new BridgeError('data', `The backup cannot be read: ${why}`, { exitCode: EXIT.data });
}
