// The bridge as the image has it (Dockerfile): built, without its sources.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '../..');

/** Builds it into `folder`, which it makes, for the user with that number; the launcher's path. */
export function buildBridge(folder: string, user = process.getuid?.() ?? 0): string {
  mkdirSync(folder);
  symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
  for (const name of ['bin', 'config', 'package.json', 'src', 'tsconfig.json'])
    cpSync(path.join(root, name), path.join(folder, name), { recursive: true });
  const { status, stderr } = spawnSync(
    process.execPath,
    [path.join(folder, 'bin/build-bridge.js'), '--user', String(user)],
    {
      encoding: 'utf8',
    },
  );
  if (status !== 0) throw new Error(`The bridge was not built: ${stderr}`);
  rmSync(path.join(folder, 'src'), { recursive: true });
  return path.join(folder, 'bin/here-bridge.js');
}
