#!/usr/bin/env node
// The launcher: runs the bridge on Node 24, on the pinned one of node_modules where the system's is older.
// Kept to syntax and modules that Node 12 knows, so that an old Node can at least say what is missing.
/* biome-ignore-all lint/style/useNodejsImportProtocol: Node before 12.20 does not know `node:` */
import { spawn } from 'child_process';
import { existsSync } from 'fs';
import module from 'module';
import { dirname, join } from 'path';
import { fileURLToPath } from 'url';

const NEEDED_MAJOR = 24;
const here = fileURLToPath(import.meta.url);
const root = dirname(dirname(here));
const major = Number(process.versions.node.split('.')[0]);

if (major >= NEEDED_MAJOR) run();
else runPinned(join(root, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node'));

/** The sources where they are, so that what is edited is what runs; an image has what `build-bridge.js` built of them. */
function run() {
  // V8's code of what is loaded: made at a first start where this user may write, and a start without it takes a third longer.
  // It lies beside the program: whoever could write there could write the program as well.
  module.enableCompileCache(join(root, 'dist', 'code'));
  return existsSync(join(root, 'src', 'main.ts')) ? import('../src/main.ts') : import('../dist/main.js');
}

function runPinned(node) {
  if (!existsSync(node)) {
    console.error(
      'here-bridge needs Node ' +
        NEEDED_MAJOR +
        ' or newer; this is Node ' +
        process.versions.node +
        '. Run `npm ci` in ' +
        root +
        ', which brings the right one, or install it from https://nodejs.org.',
    );
    process.exit(69);
  }
  // The channel tells the bridge when this process is killed; it is used for nothing else.
  const child = spawn(node, [here].concat(process.argv.slice(2)), { stdio: ['inherit', 'inherit', 'inherit', 'ipc'] });
  // As in main.ts: arguments may be secret.
  process.title = 'here-bridge';
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  const passOn = (signal) => child.kill(signal);
  for (const signal of signals) process.on(signal, passOn);
  child.on('error', (error) => {
    console.error(`here-bridge: ${node} cannot be run: ${error.message}`);
    process.exit(69);
  });
  child.on('exit', (code, signal) => {
    for (const name of signals) process.removeListener(name, passOn);
    if (signal === null) process.exit(code);
    process.kill(process.pid, signal);
  });
}
