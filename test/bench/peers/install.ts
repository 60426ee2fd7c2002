// The alternatives, got once and kept in the user's cache folder: Node-RED from npm, Benthos built from Go modules. They are no
// dependency of the project: only the comparison runs them.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const NODE_RED = '5.0.7';
const INSTALL_MS = 300_000;
/** A build of everything on two cores. */
const BUILD_MS = 1_500_000;

const cache = process.env.HERE_TEST_CACHE ?? path.join(os.homedir(), '.cache', 'here-tracking-bridge');

/** Where something is, or why it could not be had here. */
export type Installed = { readonly file: string } | { readonly missing: string };

/** Node-RED's program. */
export function nodeRed(say: (line: string) => void): Installed {
  const folder = path.join(cache, `node-red-${NODE_RED}`);
  const file = path.join(folder, 'node_modules', 'node-red', 'red.js');
  return once(file, folder, () => {
    say(`  installing Node-RED ${NODE_RED} into ${folder}`);
    writeFileSync(path.join(folder, 'package.json'), '{"private":true}\n');
    const quiet = ['--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error'];
    run('npm', ['install', '--save-exact', ...quiet, `node-red@${NODE_RED}`], folder, INSTALL_MS);
  });
}

/** Benthos' program, of the sources in `benthos/`. */
export function benthos(say: (line: string) => void): Installed {
  const sources = path.join(import.meta.dirname, 'benthos');
  const names = readdirSync(sources)
    .filter((name) => /^go\.|\.go$/.test(name))
    .sort();
  const hash = createHash('sha256');
  for (const name of names) hash.update(readFileSync(path.join(sources, name)));
  const folder = path.join(cache, `benthos-${hash.digest('hex').slice(0, 12)}`);
  const file = path.join(folder, 'benthos');
  return once(file, folder, () => {
    say(`  building Benthos in ${folder}: some minutes, once`);
    for (const name of names) copyFileSync(path.join(sources, name), path.join(folder, name));
    run('go', ['build', '-mod=readonly', '-o', `${file}.new`, '.'], folder, BUILD_MS);
    renameSync(`${file}.new`, file);
  });
}

/** Half an installation is none. */
function once(file: string, folder: string, install: () => void): Installed {
  if (existsSync(file)) return { file };
  mkdirSync(folder, { recursive: true });
  try {
    install();
    return { file };
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    return { missing: error instanceof Error ? error.message : String(error) };
  }
}

function run(command: string, args: readonly string[], cwd: string, timeout: number): void {
  const { error, status, stderr } = spawnSync(command, args, { cwd, timeout, stdio: ['ignore', 'ignore', 'pipe'] });
  if ((error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') throw new Error(`there is no ${command} here`);
  if (error !== undefined) throw new Error(`${command} did not end within ${timeout / 1000} s: ${error.message}`);
  // The last line says what it came to.
  const last = stderr.toString().trim().split('\n').at(-1) ?? '';
  if (status !== 0) throw new Error(`${command} ended with ${status}: ${last.slice(0, 300)}`);
}
