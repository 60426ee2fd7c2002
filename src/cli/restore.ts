// `here-bridge restore FILE`: a backup's data into an empty data directory.
import { createReadStream } from 'node:fs';
import path from 'node:path';
import { createGunzip } from 'node:zlib';
import type { Command } from 'commander';
import type { RestoredDirectory } from '../bridge/restored-directory.ts';
import { BridgeError, describeError, EXIT } from '../domain/errors.ts';
import { keyNeeded, MANIFEST, MAX_MANIFEST_BYTES, notOurs, readManifest } from './backup-manifest.ts';
import { loadFrom, withConfigOptions } from './config-options.ts';
import { type CliIo, printLine } from './io.ts';
import type { Manifest } from './manifest-schema.ts';
import { TarReader } from './tar.ts';

export function registerRestore(program: Command, io: CliIo): void {
  withConfigOptions(program.command('restore'))
    .description('Put the data of a backup into an empty data directory.')
    .argument('<file>', 'what `here-bridge backup` wrote')
    .addHelpText(
      'after',
      `
Examples:
  here-bridge restore bridge.tar.gz --data-dir /var/lib/here-bridge
  here-bridge restore bridge.tar.gz --config site.json

Then put the key in place, as it says, and start the bridge. What waited at the time of the backup is sent again, also what was
sent after it: HERE may get uplinks twice, none is missing. Definitions are on the config topic; if the broker has lost them too, they
are in DATADIR/restored-definitions, for \`here-bridge connections apply\`.
Exit codes: 0 restored, 1 the data directory is not empty, 65 it is no whole backup, 66 there is no such file, 69 the disk refuses,
75 a bridge holds the data directory, 78 the backup is of a newer bridge.`,
    )
    .action(async (name: string, _options: unknown, command: Command) => {
      const { config } = await loadFrom(command, io);
      const { systemClock } = await import('../ops/clock.ts');
      const { openForRestore } = await import('../bridge/restored-directory.ts');
      const file = path.resolve(io.cwd, name);
      const archive = new TarReader(unpacked(file));
      const manifest = await manifestFrom(archive);
      const directory = openForRestore(config.dataDir, systemClock);
      try {
        await extract(archive, manifest, directory);
        directory.finish(manifest.definitions);
      } finally {
        directory.release();
      }
      const ids = Object.keys(manifest.definitions);
      printLine(io, `${config.dataDir}: as of ${manifest.takenAt}, of version ${manifest.version}`);
      printLine(io, keyNeeded(manifest, config.dataDir));
      if (ids.length === 0) return;
      const folder = path.join(config.dataDir, 'restored-definitions');
      printLine(io, `${ids.length} definitions are in ${folder}, in case the config topic has lost them.`);
    });
}

async function manifestFrom(archive: TarReader): Promise<Manifest> {
  const first = await archive.next();
  if (first?.name !== MANIFEST) throw notOurs(`it does not begin with ${MANIFEST}`);
  if (first.bytes > MAX_MANIFEST_BYTES) throw notOurs('its manifest is too long');
  const parts: Buffer[] = [];
  for await (const part of archive.content(first)) parts.push(part);
  return readManifest(Buffer.concat(parts).toString('utf8'));
}

async function extract(archive: TarReader, manifest: Manifest, directory: RestoredDirectory): Promise<void> {
  for (const { name, bytes } of manifest.files) {
    const entry = await archive.next();
    if (entry?.name !== name || entry.bytes !== bytes) throw notOurs(`${name} is missing or has another size`);
    await directory.put(name, archive.content(entry));
  }
  if ((await archive.next()) !== null) throw notOurs('there is more in it than its manifest says');
}

async function* unpacked(file: string): AsyncGenerator<Buffer, void> {
  const input = createReadStream(file);
  const gunzip = createGunzip();
  input.once('error', (error) => gunzip.destroy(error));
  try {
    for await (const part of input.pipe(gunzip)) yield part as Buffer;
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException;
    if (syscall === undefined) throw notOurs(`it cannot be unpacked (${describeError(error)})`);
    const why = code === 'ENOENT' ? 'no such file' : describeError(error);
    throw new BridgeError('noInput', `${file}: ${why}`, { exitCode: EXIT.noInput, cause: error });
  } finally {
    input.destroy();
  }
}
