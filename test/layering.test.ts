// The layout's rules: who may import whom, no file over 300 lines, every source file says what it is for.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';

const root = path.resolve(import.meta.dirname, '..');
const MAX_LINES = 300;

function filesUnder(folder: string, endings: readonly string[]): string[] {
  return readdirSync(path.join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && endings.some((ending) => entry.name.endsWith(ending)))
    .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)))
    .sort();
}

function read(file: string): string {
  return readFileSync(path.join(root, file), 'utf8');
}

interface Import {
  readonly from: string;
  /** Within the project: a path such as `src/domain/uplink.ts`; else the package or built-in module. */
  readonly to: string;
  readonly isType: boolean;
}

const IMPORT =
  /^\s*(?:import|export)\s+(type\s)?[^'";]*?from\s*['"]([^'"]+)['"]|^\s*import\s*['"]([^'"]+)['"]|(?<![\w.])(?:import|require(?:\.resolve)?)\s*\(\s*['"`]([^'"`]+)['"`]/gm;

function importsOf(file: string, text = read(file)): Import[] {
  return [...text.matchAll(IMPORT)].map((match) => {
    const target = match[2] ?? match[3] ?? match[4]!;
    const to = target.startsWith('.') ? path.join(path.dirname(file), target) : target;
    // `import('./x.ts').Type` inside a type reads as a dynamic import: it counts as one of values, which is the strict side.
    return { from: file, to, isType: match[1] !== undefined };
  });
}

/** The part of the project that a file belongs to: its folder in src, or its own name. */
function partOf(file: string): string {
  return file.split('/')[1]!;
}

/** Besides `domain`, which everyone may use, and what is in the same part. */
const MAY_USE: Readonly<Record<string, readonly string[]>> = {
  domain: [],
  config: [],
  uplink: [],
  downlink: [],
  here: [],
  brokers: [],
  store: [],
  api: [],
  ops: [],
  connections: [],
  // Types of the API's schemas only: nothing of the server runs in a browser.
  console: [],
  sandbox: [],
  chaos: ['sandbox'],
  access: [],
  cli: ['config', 'ops', 'sandbox', 'chaos', 'bridge.ts', 'bridge', 'uplink', 'connections'],
  'main.ts': ['cli', 'ops'],
};
/** Types of the configuration, for those that are given a part of it. */
const MAY_USE_CONFIG_TYPES = ['access', 'uplink', 'downlink', 'here', 'brokers', 'store', 'api', 'ops', 'connections'];
const NOT_FOR_BRIDGE = ['cli', 'sandbox', 'chaos', 'main.ts'];

const sources = filesUnder('src', ['.ts', '.tsx']);
const imports = sources.flatMap((file) => importsOf(file));

function isAllowed({ from, to, isType }: Import): boolean {
  if (!to.startsWith('src/')) return !to.startsWith('..') && !/^(test|bin|config)\//.test(to);
  const [user, used] = [partOf(from), partOf(to)];
  if (user === used || used === 'domain') return true;
  if (used === 'config' && isType && MAY_USE_CONFIG_TYPES.includes(user)) return true;
  if (user === 'console' && used === 'api' && isType) return true;
  if (user === 'bridge.ts' || user === 'bridge') return !NOT_FOR_BRIDGE.includes(used);
  return MAY_USE[user]?.includes(used) ?? false;
}

describe('The layout', () => {
  test('has no import that the layout forbids', () => {
    expect(imports.filter((found) => !isAllowed(found)).map(({ from, to }) => `${from} -> ${to}`)).toEqual([]);
  });

  test('knows every folder and file directly in src', () => {
    const known = [...Object.keys(MAY_USE), 'bridge.ts', 'bridge'];
    expect([...new Set(sources.map(partOf))].filter((part) => !known.includes(part))).toEqual([]);
  });

  test('lets the domain do no I/O and know no library but its schemas’', () => {
    const foreign = imports.filter(({ from, to }) => partOf(from) === 'domain' && !to.startsWith('src/domain/'));
    expect(foreign.map(({ to }) => to).filter((to) => !/^typebox(\/|$)/.test(to))).toEqual([]);
  });

  test('reads environment and arguments at the edge only', () => {
    const readers = sources.filter((file) => /\bprocess\.(env|argv|exit)\b/.test(code(file)));
    expect(readers.filter((file) => file !== 'src/main.ts')).toEqual([]);
  });

  test('has no time, timers or chance in logic', () => {
    // kafkajs runs on the system's clock; the file that mends its timers does too.
    // The console's clock is the browser's.
    const ports = /^src\/(ops\/clock\.ts|main\.ts|sandbox\/|chaos\/|console\/|brokers\/kafka-internals\.ts)/;
    const uses = /\b(Date\.now|performance\.now|Math\.random|setTimeout|setInterval)\(|\bnew Date\(\)/;
    expect(sources.filter((file) => !ports.test(file) && uses.test(code(file)))).toEqual([]);
  });

  test('loads no library for the command line but the one that reads it: a verb loads the rest', () => {
    const LOADED = /^\s*(?:import|export)\s+(?!type\b)[^'";]*?from\s*['"]([^'"]+)['"]|^\s*import\s*['"]([^'"]+)['"]/gm;
    const seen = new Set<string>();
    const libraries = new Set<string>();
    const follow = (file: string): void => {
      if (seen.has(file)) return;
      seen.add(file);
      for (const [, from, bare] of read(file).matchAll(LOADED)) {
        const target = (from ?? bare) as string;
        if (target.startsWith('.')) follow(path.join(path.dirname(file), target));
        else if (!target.startsWith('node:')) libraries.add(target);
      }
    };
    follow('src/main.ts');
    expect(seen.size).toBeGreaterThan(50);
    expect([...libraries]).toEqual(['commander']);
  });

  test('imports files by their whole name', () => {
    const bare = imports.filter(({ to }) => to.startsWith('src/') && !/\.(ts|tsx|js|json|css)$/.test(to));
    expect(bare).toEqual([]);
  });

  test('exports no value that no other file uses', () => {
    const words = new Map<string, Set<string>>();
    const users = [...sources, ...filesUnder('test', ['.ts', '.tsx']), ...filesUnder('bin', ['.js'])];
    for (const file of users) {
      for (const [word] of read(file).matchAll(/[\w$]+/g)) {
        const files = words.get(word);
        if (files === undefined) words.set(word, new Set([file]));
        else files.add(file);
      }
    }
    const exported = /^export (?:async )?(?:abstract )?(?:function\*?|const|let|class) (\w+)/gm;
    const unused = sources.flatMap((file) =>
      [...read(file).matchAll(exported)]
        .map(([, name]) => name as string)
        .filter((name) => words.get(name)?.size === 1)
        .map((name) => `${file}: ${name}`),
    );
    expect(unused).toEqual([]);
  });

  test('keeps every file within 300 lines', () => {
    const files = [...sources, ...filesUnder('test', ['.ts', '.tsx', '.js'])];
    const lengths = files.map((file) => ({ file, lines: read(file).trimEnd().split('\n').length }));
    expect(lengths.filter(({ lines }) => lines > MAX_LINES)).toEqual([]);
  });

  test('has one line on its role at the top of every source file', () => {
    const without = sources.filter((file) => !/^(\/\/ \S|\/\*\*? \S)/.test(read(file)));
    expect(without).toEqual([]);
  });
});

/** The file without its comments. */
function code(file: string): string {
  return read(file).replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
}

describe('The reader of imports', () => {
  test('finds all forms', () => {
    const text = [
      "import type { A } from './a.ts';",
      "import { b } from '../store/b.ts';",
      "import {\n  c,\n} from './c.ts';",
      "import './d.ts';",
      "export { e } from './e.ts';",
      "const f = await import('../bridge.ts');",
      "export type { G } from 'g';",
      "const notOne = 'import from';",
    ].join('\n');
    expect(importsOf('src/api/x.ts', text).map(({ to, isType }) => [to, isType])).toEqual([
      ['src/api/a.ts', true],
      ['src/store/b.ts', false],
      ['src/api/c.ts', false],
      ['src/api/d.ts', false],
      ['src/api/e.ts', false],
      ['src/bridge.ts', false],
      ['g', true],
    ]);
  });

  test('judges as the design says', () => {
    const verdict = (from: string, to: string, isType = false): boolean => isAllowed({ from, to, isType });
    expect(verdict('src/uplink/a.ts', 'src/domain/uplink.ts')).toBe(true);
    expect(verdict('src/uplink/a.ts', 'src/store/b.ts', true)).toBe(false);
    expect(verdict('src/here/a.ts', 'src/config/config.ts', true)).toBe(true);
    expect(verdict('src/here/a.ts', 'src/config/load.ts')).toBe(false);
    expect(verdict('src/bridge.ts', 'src/store/b.ts')).toBe(true);
    expect(verdict('src/bridge.ts', 'src/sandbox/server.ts')).toBe(false);
    expect(verdict('src/cli/demo/a.ts', 'src/sandbox/server.ts')).toBe(true);
    expect(verdict('src/domain/a.ts', 'src/config/config.ts', true)).toBe(false);
  });
});
