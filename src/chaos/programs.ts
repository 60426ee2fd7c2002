// What the processes of chaos run, in a clone (src) and where the bridge is built (dist): both lie two folders below the root.
import { existsSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '../..');

/** On Node 24, as this process is, it starts no process of its own. */
export const LAUNCHER = path.join(root, 'bin/here-bridge.js');

/** Preloaded into the bridge. */
export const SHIFT_CLOCK = ['src/chaos/shift-clock.ts', 'dist/shift-clock.js']
  .map((file) => path.join(root, file))
  .find((file) => existsSync(file));
