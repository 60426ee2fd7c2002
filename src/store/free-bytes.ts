// How much room a file system has left.
import fs from 'node:fs';

/** For this user, without a quota's limit; infinite where it cannot be asked. */
export function freeBytes(folder: string): number {
  try {
    const { blocks, bavail, bsize } = fs.statfsSync(folder);
    return blocks === 0 ? Number.POSITIVE_INFINITY : bavail * bsize;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
