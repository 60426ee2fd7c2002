// Builds the bridge into dist: its sources and packages in few files, without types, and V8's code of them. Node otherwise looks
// up, strips and compiles two thousand modules at each start, which is two thirds of it. For images; a clone runs its sources.
import { spawnSync } from 'node:child_process';
import { chmodSync, readdirSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const dist = path.join(root, 'dist');
for (const name of ['main.js', 'shift-clock.js', 'bridge', 'code'])
  rmSync(path.join(dist, name), { recursive: true, force: true });
await build({
  root,
  configFile: false,
  logLevel: 'warn',
  publicDir: false,
  // Machine code of the platform stays a package.
  ssr: { target: 'node', noExternal: true, external: ['lz4-napi', 'snappy'] },
  build: {
    ssr: true,
    outDir: dist,
    emptyOutDir: false,
    target: 'node24',
    minify: false,
    rolldownOptions: {
      // `here-bridge chaos` loads the clock into the bridges that it starts.
      input: { main: path.join(root, 'src/main.ts'), 'shift-clock': path.join(root, 'src/chaos/shift-clock.ts') },
      // As far below the root as the sources are, which look for `config` and `package.json` from where they lie.
      output: { entryFileNames: '[name].js', chunkFileNames: 'bridge/[name].js' },
    },
  },
});
// What V8 made of each file, for the launcher: all of them are loaded once, the program last, since it ends the process.
const files = readdirSync(path.join(dist, 'bridge')).map((name) => `./bridge/${name}`);
const load = `
  import module from 'node:module';
  module.enableCompileCache('code');
  process.argv[2] = '--version';
  for (const file of ${JSON.stringify([...files, './main.js'])}) await import(file);`;
const inDist = { cwd: dist, stdio: ['ignore', 'ignore', 'inherit'] };
const { status } = spawnSync(process.execPath, ['--input-type=module', '--eval', load], inDist);
if (status !== 0) throw new Error(`The built bridge cannot be loaded: Node ended with ${status}`);
// Node writes them for its own user alone; an image has another.
for (const entry of readdirSync(path.join(dist, 'code'), { recursive: true, withFileTypes: true })) {
  if (entry.isFile()) chmodSync(path.join(entry.parentPath, entry.name), 0o644);
}
// The folder's name ends with the number of the user that it is for: `--user 1000` makes it that of another one, who may only read it.
const [option, user] = process.argv.slice(2);
if (option === '--user') {
  const [name] = readdirSync(path.join(dist, 'code'));
  renameSync(path.join(dist, 'code', name), path.join(dist, 'code', name.replace(/\d+$/, user)));
}
console.error('The bridge is built: dist/main.js');
