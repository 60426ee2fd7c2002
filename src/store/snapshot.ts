// A consistent copy of a data directory while it is written to.
//
// Everything is pinned in one turn of the event loop, in which nothing is settled, journalled or removed: a read transaction of the
// database, and a second name for each segment. What a segment gets afterwards was not acknowledged before, and is not copied.
// The other way round, segments first and the database later, a copy would call settled what its journal has no record of, and give
// those sequence numbers to other messages. The result is what a kill at that moment would have left, which recovery knows.
import fs from 'node:fs';
import path from 'node:path';
import { backup, DatabaseSync } from 'node:sqlite';
import { parseSegmentName } from './record-format.ts';
import { storedVersion } from './versions.ts';

export interface SnapshotFile {
  /** Below the data directory, with `/`. */
  readonly name: string;
  /** So much of it belongs to the copy; the file may grow. */
  readonly bytes: number;
}

export interface Snapshot {
  readonly storeVersion: number;
  readonly files: readonly SnapshotFile[];
}

const DATABASE = 'bridge.db';
/** Each step reads this many pages on a thread of the pool, so that stopping has not to wait for all. */
const PAGES_PER_STEP = 1024;

/**
 * Copies into the empty directory `into`, on the same file system. `alsoNow`: copies more files there in the same turn and names them.
 * Segments are hard links: they must be read up to their `bytes` only, and not be written to.
 */
export async function takeSnapshot(
  dataDir: string,
  into: string,
  alsoNow: () => readonly string[] = () => [],
): Promise<Snapshot> {
  const pinned = new DatabaseSync(path.join(dataDir, DATABASE), { readOnly: true });
  try {
    pinned.exec('BEGIN');
    // A transaction reads what was committed at its first statement.
    const storeVersion = storedVersion(pinned);
    pinned.prepare('SELECT COUNT(*) FROM connections').get();
    const segments = linkSegments(dataDir, into);
    const others = alsoNow();
    // The turn may end here.
    await backup(pinned, path.join(into, DATABASE), { rate: PAGES_PER_STEP });
    const whole = [...others, DATABASE].map((name) => ({ name, bytes: fs.statSync(path.join(into, name)).size }));
    return { storeVersion, files: [...segments, ...whole] };
  } finally {
    pinned.close();
  }
}

function linkSegments(dataDir: string, into: string): SnapshotFile[] {
  const journals = path.join(dataDir, 'journals');
  const files: SnapshotFile[] = [];
  for (const connection of fs.readdirSync(journals, { withFileTypes: true })) {
    if (!connection.isDirectory()) continue;
    const names = fs
      .readdirSync(path.join(journals, connection.name))
      .filter((name) => parseSegmentName(name) !== null);
    if (names.length > 0) fs.mkdirSync(path.join(into, 'journals', connection.name), { recursive: true, mode: 0o700 });
    for (const segment of names) {
      const name = `journals/${connection.name}/${segment}`;
      const bytes = linkOrCopy(path.join(dataDir, name), path.join(into, name));
      if (bytes !== null) files.push({ name, bytes });
    }
  }
  return files;
}

/** The file's size; null: it was being removed, so all of it is settled in the database. */
function linkOrCopy(from: string, to: string): number | null {
  try {
    fs.linkSync(from, to);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return null;
    // Some file systems have no hard links: there the line waits for the copy.
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'ENOSYS' && code !== 'EMLINK') throw error;
    fs.copyFileSync(from, to);
  }
  return fs.statSync(to).size;
}
