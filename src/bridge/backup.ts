// Backups of the running worker: its part is the consistent copy; the command line packs it.
import { existsSync, mkdirSync, statfsSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { encryptSecrets } from '../connections/definition-secrets.ts';
import type { Definitions } from '../connections/definitions.ts';
import { BridgeError, EXIT } from '../domain/errors.ts';
import type { BackupControl, BackupCopy } from '../domain/ports/backup.ts';
import type { Clock } from '../domain/ports/clock.ts';
import type { KeyRing } from '../domain/ports/secrets.ts';
import { takeSnapshot } from '../store/snapshot.ts';
import type { Brokers } from './brokers.ts';

export interface BackupOptions {
  readonly dataDir: string;
  readonly version: string;
  readonly brokers: Pick<Brokers, 'copyStores'>;
  readonly definitions: Pick<Definitions, 'ids' | 'record'>;
  readonly ring: KeyRing;
  readonly clock: Clock;
}

/** Where a copy is until it is packed. One that a kill left behind goes with the next backup. */
const COPY_FOLDER = 'backup-copy';
/** Left free for the journals, beside the copy of the database. */
const ROOM_BYTES = 64 * 1024 * 1024;

export function createBackup({ dataDir, version, brokers, definitions, ring, clock }: BackupOptions): BackupControl {
  const directory = path.join(dataDir, COPY_FOLDER);
  let isTaking = false;

  async function take(): Promise<BackupCopy> {
    await rm(directory, { recursive: true, force: true });
    assertRoom(dataDir);
    mkdirSync(directory, { mode: 0o700 });
    const takenAt = new Date(clock.now()).toISOString();
    const records: Record<string, BackupCopy['definitions'][string]> = {};
    for (const id of definitions.ids()) {
      const record = definitions.record(id);
      if (record !== null) records[id] = encryptSecrets(id, record, ring);
    }
    const keys = { current: ring.keyId, former: ring.formerIds, isGenerated: ring.isGenerated };
    const snapshot = await takeSnapshot(dataDir, directory, () => brokers.copyStores(directory));
    return { directory, ...snapshot, version, takenAt, keys, definitions: records };
  }

  return {
    async take() {
      if (isTaking) return null;
      isTaking = true;
      try {
        return await take();
      } catch (error) {
        await rm(directory, { recursive: true, force: true });
        throw error;
      } finally {
        isTaking = false;
      }
    },
    async release() {
      if (!isTaking) await rm(directory, { recursive: true, force: true });
    },
  };
}

/** A backup must not fill the disk that the journals need. */
function assertRoom(dataDir: string): void {
  const { bavail, bsize } = statfsSync(dataDir);
  const files = ['bridge.db', 'bridge.db-wal']
    .map((name) => path.join(dataDir, name))
    .filter((file) => existsSync(file));
  const needed = files.reduce((sum, file) => sum + statSync(file).size, ROOM_BYTES);
  if (bavail * bsize >= needed) return;
  throw new BridgeError(
    'noRoom',
    `The copy needs ${Math.ceil(needed / 1024 ** 2)} MiB free in ${dataDir}: there are ${Math.floor((bavail * bsize) / 1024 ** 2)}`,
    { exitCode: EXIT.unavailable },
  );
}
