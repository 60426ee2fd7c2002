// `here-bridge backup FILE`: a running bridge's data in one file, consistent as of one moment.
import { createReadStream, createWriteStream } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { Command } from 'commander';
import { BridgeError, describeError, EXIT } from '../domain/errors.ts';
import type { BackupCopy } from '../domain/ports/backup.ts';
import { AdminClient, refusal } from './admin-client.ts';
import { FORMAT, keyNeeded, MANIFEST } from './backup-manifest.ts';
import { loadFrom, withConfigOptions } from './config-options.ts';
import { type CliIo, printLine } from './io.ts';
import type { Manifest } from './manifest-schema.ts';
import { TAR_END, tarHeader, tarPadding } from './tar.ts';

/** For the copy of the database. */
const COPY_TIMEOUT_MS = 30 * 60_000;
const KEY = 'secret.key';

export function registerBackup(program: Command, io: CliIo): void {
  withConfigOptions(program.command('backup'))
    .description(
      'Write the data of the running bridge to a file: definitions, journals, ledgers, dead letters, tokens.',
    )
    .argument('<file>', 'a new file; .tar.gz is what it is')
    .option('--with-key', 'put the generated key into it: whoever has the file can then read all passwords')
    .addHelpText(
      'after',
      `
Examples:
  here-bridge backup /backup/bridge-$(date +%F).tar.gz
  here-bridge backup bridge.tar.gz --data-dir /var/lib/here-bridge

It shows one moment, while uplinks flow: whatever was acknowledged before is in it. Secrets in it are sealed; the key is named, not
contained, unless --with-key is given: keep secret.key (or what secrets.key is set to) elsewhere. The data directory needs room for a
copy of its database meanwhile. Of a bridge that does not run, a plain copy of the data directory is a backup.
Exit codes: 0 written, 66 the file cannot be written or exists, 69 no bridge answers, or it has no room or no generated key.`,
    )
    .action(async (name: string, options: { readonly withKey?: boolean }, command: Command) => {
      const { config } = await loadFrom(command, io);
      const client = await AdminClient.find(config.dataDir);
      const file = path.resolve(io.cwd, name);
      const { status, body } = await client.request('POST', '/backups', undefined, { timeoutMs: COPY_TIMEOUT_MS });
      if (status !== 200) throw refusal(status, body);
      try {
        const copy = body as BackupCopy;
        const key = options.withKey === true ? await readKey(copy, config.dataDir) : null;
        const manifest = manifestOf(copy, key);
        await write(file, manifest, copy.directory, key);
        if (key !== null)
          io.stderr.write(`here-bridge: ${file} has the key in it: it opens every password and token\n`);
        const connections = Object.keys(manifest.definitions).length;
        printLine(io, `${file}: as of ${manifest.takenAt}, ${connections} definitions, ${manifest.files.length} files`);
        printLine(io, keyNeeded(manifest, 'DATADIR'));
      } finally {
        await client.request('DELETE', '/backups').catch(() => null);
      }
    });
}

async function readKey({ keys }: BackupCopy, dataDir: string): Promise<Buffer> {
  if (keys.isGenerated) return readFile(path.join(dataDir, KEY));
  const message =
    'The key is of the configuration (secrets.key), not a generated one: leave --with-key out, and keep the key with the configuration';
  throw new BridgeError('keyConfigured', message, { exitCode: EXIT.unavailable });
}

function manifestOf({ directory: _, ...copy }: BackupCopy, key: Buffer | null): Manifest {
  const files = key === null ? copy.files : [...copy.files, { name: KEY, bytes: key.length }];
  return {
    format: FORMAT,
    ...copy,
    keys: { ...copy.keys, former: [...copy.keys.former], isIncluded: key !== null },
    files: [...files],
  };
}

/** Whole or not at all, and never over another file. */
async function write(file: string, manifest: Manifest, directory: string, key: Buffer | null): Promise<void> {
  const output = createWriteStream(file, { flags: 'wx', mode: 0o600, flush: true });
  let isOurs = false;
  output.once('open', () => {
    isOurs = true;
  });
  try {
    await pipeline(archive(manifest, directory, key), createGzip({ level: 1 }), output);
  } catch (error) {
    if (isOurs) await rm(file, { force: true });
    throw new BridgeError('cannotWrite', `${file} cannot be written: ${describeError(error)}`, {
      exitCode: EXIT.noInput,
    });
  }
}

async function* archive(manifest: Manifest, directory: string, key: Buffer | null): AsyncGenerator<Buffer, void> {
  const mtimeMs = Date.parse(manifest.takenAt);
  const text = Buffer.from(JSON.stringify(manifest));
  yield* [tarHeader({ name: MANIFEST, bytes: text.length }, mtimeMs), text, tarPadding(text.length)];
  for (const entry of manifest.files) {
    yield tarHeader(entry, mtimeMs);
    if (entry.name === KEY && key !== null) yield key;
    else yield* contentOf(path.join(directory, entry.name), entry.bytes);
    yield tarPadding(entry.bytes);
  }
  yield TAR_END;
}

async function* contentOf(file: string, bytes: number): AsyncGenerator<Buffer, void> {
  let left = bytes;
  if (left > 0) {
    for await (const part of createReadStream(file, { end: bytes - 1 })) {
      left -= (part as Buffer).length;
      yield part as Buffer;
    }
  }
  // A write was on its way and failed: what it had left was cut off again. It was never acknowledged, and no record.
  for (const zeros = Buffer.alloc(64 * 1024); left > 0; left -= zeros.length) yield zeros.subarray(0, left);
}
