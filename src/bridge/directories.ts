// The data directories of several workers on one disk: `dataDir/w-0`, `w-1` and so on, each locked by the process that has it.
// A worker takes the first that nobody has. A directory from before, when one worker was alone, is `dataDir` itself: the first
// worker goes on with it as it is, so nothing is moved and nothing can be interrupted.
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { BridgeError } from '../domain/errors.ts';
import type { BridgeStore } from '../domain/ports/store.ts';
import { STAGING } from './restored-directory.ts';

const FOLDER = /^w-(\d{1,4})$/;
const MOST = 1000;
const DATABASE = 'bridge.db';

/** Those that exist, the one from before first. Throws what the file system throws. */
export function directoriesUnder(dataDir: string): readonly string[] {
  const names = existsSync(dataDir) ? readdirSync(dataDir) : [];
  const numbered = names.filter((name) => FOLDER.test(name));
  numbered.sort((a, b) => Number(FOLDER.exec(a)?.[1]) - Number(FOLDER.exec(b)?.[1]));
  const before = isFromBefore(dataDir, names) ? [dataDir] : [];
  return [...before, ...numbered.map((name) => path.join(dataDir, name))];
}

/**
 * Also without its database, which was lost, or was set aside and not yet made anew when a kill came: its journals hold what was
 * acknowledged. What a restore has not completed is none: it puts the database into place last.
 */
function isFromBefore(dataDir: string, names: readonly string[]): boolean {
  if (names.includes(DATABASE)) return true;
  if (names.includes(STAGING)) return false;
  if (names.some((name) => name.startsWith(`${DATABASE}.corrupt-`))) return true;
  return names.includes('journals') && readdirSync(path.join(dataDir, 'journals')).length > 0;
}

/** Opens the first one that nobody has; makes one where all are taken. Rejects with what opening rejects with. */
export async function openOwnDirectory(
  dataDir: string,
  open: (directory: string) => Promise<BridgeStore>,
): Promise<{ readonly directory: string; readonly store: BridgeStore }> {
  const tried = new Set<string>();
  const candidates = (): string[] => {
    const next = Array.from({ length: MOST }, (_, index) => path.join(dataDir, `w-${index}`)).find(
      (folder) => !tried.has(folder),
    );
    return [...directoriesUnder(dataDir), ...(next === undefined ? [] : [next])].filter((each) => !tried.has(each));
  };
  for (let [directory] = candidates(); directory !== undefined; [directory] = candidates()) {
    tried.add(directory);
    const store = await openUnlessTaken(directory, open);
    if (store !== null) return { directory, store };
  }
  throw new BridgeError('dataDirInUse', `All ${MOST} directories under ${dataDir} are in use.`);
}

/** null: another process has it. */
export async function openUnlessTaken(
  directory: string,
  open: (directory: string) => Promise<BridgeStore>,
): Promise<BridgeStore | null> {
  try {
    return await open(directory);
  } catch (error) {
    if (error instanceof BridgeError && error.code === 'dataDirInUse') return null;
    throw error;
  }
}
