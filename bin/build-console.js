// Builds the web console into dist/console. `--if-possible` (npm's prepare step): without the development dependencies, as in
// an install of production dependencies alone, it says so and succeeds.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, gzipSync } from 'node:zlib';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const isInstalled = (name) => existsSync(path.join(root, 'node_modules', name, 'package.json'));
const missing = ['vite', '@vitejs/plugin-react', 'react'].filter((name) => !isInstalled(name));
if (missing.length > 0) {
  console.error(`The console was not built: ${missing.join(', ')} not installed (they are development dependencies).`);
  process.exit(process.argv.includes('--if-possible') ? 0 : 1);
}
const { build } = await import('vite');
await build({ configFile: path.join(root, 'src/console/vite.config.ts'), logLevel: 'warn' });
// Compressed once here rather than at each request.
const folder = path.join(root, 'dist/console');
for (const name of readdirSync(folder, { recursive: true })) {
  if (!/\.(html|js|css|svg|json)$/.test(name)) continue;
  const file = path.join(folder, name);
  const content = readFileSync(file);
  if (content.length < 1024) continue;
  writeFileSync(`${file}.gz`, gzipSync(content, { level: 9 }));
  writeFileSync(`${file}.br`, brotliCompressSync(content));
}
console.error('The console is built: dist/console');
