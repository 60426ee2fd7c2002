// A folder for each test run, for what its suites share (a Kafka): known to all of them, gone with the run.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

export const RUN_FOLDER = 'HERE_TEST_RUN_FOLDER';
export const RUN_PID = 'HERE_TEST_RUN_PID';

/** Vitest calls it once before the first suite; what it returns after the last. */
export default function setup(): () => void {
  const folder = mkdtempSync(path.join(tmpdir(), 'bridge-run-'));
  process.env[RUN_FOLDER] = folder;
  process.env[RUN_PID] = String(process.pid);
  // Who serves the run ends when the folder has gone.
  return () => rmSync(folder, { recursive: true, force: true });
}
