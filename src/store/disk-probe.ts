// After a failed write: cutting off what it left behind, and trying whether there is room again.
import path from 'node:path';
import type { Disk } from './disk.ts';

const PROBE_FILE = 'probe.tmp';
const MAX_PROBE_BYTES = 4 * 1024 * 1024;

/** Up to where a segment file holds committed records; 0: none, the file is to go. */
export interface Remains {
  readonly file: string;
  readonly length: number;
}

/** The journal's directory, with its name durable: else a power loss could take it with all that was synced inside. */
export async function makeJournalDirectory(disk: Disk, directory: string): Promise<void> {
  await disk.makeDirectory(directory);
  await disk.syncDirectory(path.dirname(directory));
}

export async function removeRemains(disk: Disk, directory: string, remains: Remains): Promise<void> {
  const file = path.join(directory, remains.file);
  if (remains.length === 0) return disk.remove(file);
  const handle = await disk.open(file).catch((error: NodeJS.ErrnoException) => {
    // Settled and removed meanwhile.
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  try {
    await handle?.truncate(remains.length);
  } finally {
    await handle?.close();
  }
}

/** Writes and removes a file of `bytes`: rejects while the disk has no room for as much as failed. */
export async function probeDisk(disk: Disk, directory: string, bytes: number): Promise<void> {
  const probe = path.join(directory, PROBE_FILE);
  const size = Math.min(bytes, MAX_PROBE_BYTES);
  await makeJournalDirectory(disk, directory);
  await disk.remove(probe);
  const file = await disk.create(probe);
  try {
    await file.writeDurably(Buffer.alloc(size), 0, size, 0);
  } finally {
    await file.close();
    await disk.remove(probe);
  }
}
