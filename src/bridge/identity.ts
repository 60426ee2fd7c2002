// Who this worker is: an id that stays with its data directory, so that its own heartbeat is never taken for another's.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { WorkerIdentity } from '../connections/heartbeat.ts';
import type { Chance, Clock } from '../domain/ports/clock.ts';

const FILE = 'worker-id';
const ID = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/;

export function workerIdentity(options: {
  readonly id: string | null;
  readonly dataDir: string;
  readonly version: string;
  readonly clock: Clock;
  readonly chance: Chance;
}): WorkerIdentity {
  return {
    id: options.id ?? keptId(options.dataDir, options.chance),
    host: os.hostname(),
    pid: process.pid,
    startedAt: new Date(options.clock.now()).toISOString(),
    dataDir: options.dataDir,
    versions: { bridge: options.version, node: process.version },
  };
}

function keptId(dataDir: string, chance: Chance): string {
  const file = path.join(dataDir, FILE);
  try {
    const kept = readFileSync(file, 'utf8').trim();
    if (ID.test(kept)) return kept;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const id = `w-${chance.uuid().slice(0, 8)}`;
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  writeFileSync(file, `${id}\n`, { mode: 0o600 });
  return id;
}
