// A disk that can be told to do no more: a worker that stops does not wait until a slow one has read the whole journal.
import type { Disk, DiskFile } from './disk.ts';

/**
 * Reads and writes reject with the signal's reason once it has aborted; what is under way ends first. What tidies up goes on: files are
 * closed, and half a copy is removed. Nothing that is done at once can be broken off.
 */
export function abortableDisk(disk: Disk, signal: AbortSignal | undefined): Disk {
  if (signal === undefined) return disk;
  const unless = async <T>(work: () => Promise<T>): Promise<T> => {
    signal.throwIfAborted();
    return await work();
  };
  const abortable = (file: DiskFile): DiskFile => ({
    writeDurably: (...what) => unless(() => file.writeDurably(...what)),
    truncate: (length) => unless(() => file.truncate(length)),
    sync: () => unless(() => file.sync()),
    read: (...what) => unless(() => file.read(...what)),
    readSync: (...what) => file.readSync(...what),
    close: () => file.close(),
    closeSync: () => file.closeSync(),
  });
  return {
    create: (file) => unless(async () => abortable(await disk.create(file))),
    open: (file) => unless(async () => abortable(await disk.open(file))),
    openSync: (file) => disk.openSync(file),
    list: (directory) => unless(() => disk.list(directory)),
    directories: (directory) => disk.directories(directory),
    makeDirectory: (directory) => unless(() => disk.makeDirectory(directory)),
    syncDirectory: (directory) => unless(() => disk.syncDirectory(directory)),
    replaceSync: (from, to) => disk.replaceSync(from, to),
    remove: (file) => disk.remove(file),
    removeDirectory: (directory) => disk.removeDirectory(directory),
  };
}
