// A small disk that can be filled: a tmpfs of its own, where the system lets us mount one (Linux, root).
import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import path from 'node:path';

const CHUNK_BYTES = 1024 * 1024;

export class SmallDisk {
  readonly dir: string;
  readonly #ballast: string;
  #mounted = true;

  /** null, with the reason told to `onRefusal`: there can be none here. */
  static mount(dir: string, sizeMb: number, onRefusal: (reason: string) => void): SmallDisk | null {
    if (process.platform !== 'linux' || process.getuid?.() !== 0) {
      onRefusal('it takes Linux and root to mount a small disk');
      return null;
    }
    mkdirSync(dir, { recursive: true });
    const result = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeMb}m,mode=700`, 'here-bridge-chaos', dir]);
    if (result.status === 0) {
      const disk = new SmallDisk(dir);
      // A run that is broken off leaves no mount behind.
      process.once('exit', () => disk.unmount());
      return disk;
    }
    onRefusal(`the small disk cannot be mounted: ${String(result.stderr ?? result.error).trim()}`);
    return null;
  }

  private constructor(dir: string) {
    this.dir = dir;
    this.#ballast = path.join(dir, 'ballast');
  }

  /** Takes every free byte. To be called again while others give room back. */
  fill(): void {
    const chunk = Buffer.alloc(CHUNK_BYTES);
    const fd = openSync(this.#ballast, 'a', 0o600);
    try {
      for (let size = CHUNK_BYTES; size >= 1; ) {
        try {
          if (writeSync(fd, chunk, 0, size) < size) size = Math.floor(size / 2);
        } catch {
          size = Math.floor(size / 2);
        }
      }
    } finally {
      closeSync(fd);
    }
  }

  free(): void {
    rmSync(this.#ballast, { force: true });
  }

  unmount(): void {
    if (!this.#mounted) return;
    this.#mounted = false;
    spawnSync('umount', ['-l', this.dir]);
  }
}
