// What the documentation tells people to type and to read is there: verbs and options of the command line, npm's scripts, keys and
// variables of the configuration, links. And each page is found from the README.
import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { VALUES } from '../src/config/schema.ts';
import { helpOfEachVerb } from './support/cli.ts';

const root = path.resolve(import.meta.dirname, '..');
const pages = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', ...globSync('docs/*.md', { cwd: root })].sort();
const textOf = (page: string): string => readFileSync(path.join(root, page), 'utf8');

let help: ReadonlyMap<string, string>;

/** `here-bridge …` in code, as its words up to where the shell, a comment or prose goes on. */
function callsIn(text: string): string[][] {
  const code = [...text.matchAll(/```\w*\n([\s\S]*?)```|`([^`\n]+)`/g)].map(([, block, span]) => block ?? span ?? '');
  const calls = [...code.join('\n').matchAll(/(?<![\w/-])here-bridge(?:\.js)? ([^\n#|;&>…)]+)/g)];
  return calls.map(([, words = '']) => words.split(/ {2,}/, 1)[0]?.trim().split(/\s+/) ?? []);
}

/** What is wrong with a call; null: nothing. */
function whyNot(words: readonly string[]): string | null {
  let verb = '';
  let options = '';
  for (const word of words) {
    const next = `${verb} ${word}`.trim();
    if (help.has(next)) verb = next;
    else if (word.startsWith('--')) options += ` ${word.split('=', 1)[0]}`;
    else if (verb === '' || (help.get(verb)?.includes('\nCommands:\n') ?? false)) return `no verb ${next}`;
  }
  const known = help.get(verb) ?? '';
  const unknown = options
    .split(' ')
    .filter((option) => option !== '' && !new RegExp(`(^|[\\s,])${option}(?![\\w-])`).test(known));
  return unknown.length === 0 ? null : `${verb} has no ${unknown.join(', ')}`;
}

beforeAll(async () => {
  help = await helpOfEachVerb();
});

describe.each(pages)('%s', (page) => {
  it('names verbs and options that the command line has', () => {
    expect(help.size).toBeGreaterThan(50);
    const wrong = callsIn(textOf(page)).flatMap((words) => whyNot(words) ?? []);
    expect(wrong).toEqual([]);
  });

  it('names scripts that package.json has', () => {
    const { scripts } = JSON.parse(textOf('package.json')) as { scripts: Record<string, string> };
    const named = [...textOf(page).matchAll(/npm run (?:-s )?([a-z:]+)/g)].map(([, script]) => script as string);
    expect(named.filter((script) => !Object.hasOwn(scripts, script))).toEqual([]);
  });

  it('names variables of the configuration that there are', () => {
    const known = VALUES.flatMap(({ env, otherEnv }) => [env, ...otherEnv]).map(
      (name) => new RegExp(`^${name.replaceAll('<NAME>', '[A-Z0-9_]+')}$`),
    );
    const own = ['HERE_BRIDGE_CONFIG', 'HERE_BRIDGE_BROKERS', 'HERE_BRIDGE_HERE_SERVICES'];
    const named = [...textOf(page).matchAll(/\bHERE_BRIDGE_[A-Z0-9_]*[A-Z0-9](?![\w<*])/g)].map(([name]) => name);
    expect(named.filter((name) => !own.includes(name) && !known.some((each) => each.test(name)))).toEqual([]);
  });

  it('links to what there is', () => {
    const broken = [...textOf(page).matchAll(/\]\((?!https?:)([^)\s]+)\)/g)].flatMap(([, link = '']) => {
      const [file = '', heading] = link.split('#');
      const target = file === '' ? page : path.join(path.dirname(page), file);
      if (!existsSync(path.join(root, target))) return [link];
      return heading === undefined || headingsOf(target).includes(heading) ? [] : [link];
    });
    expect(broken).toEqual([]);
  });
});

/** As they are linked to. */
function headingsOf(page: string): string[] {
  return [...textOf(page).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(/\s/g, '-'),
  );
}

describe('README.md', () => {
  it('leads to every page', () => {
    const readme = textOf('README.md');
    expect(globSync('docs/*.md', { cwd: root }).filter((page) => !readme.includes(`(${page}`))).toEqual([]);
  });

  it('has every verb in its table', () => {
    const verbs = [...help.keys()].filter((verb) => verb !== '' && !verb.includes(' '));
    const table = textOf('README.md')
      .split('\n')
      .filter((line) => line.startsWith('| `'));
    const named = (verb: string): boolean =>
      table.some((line) => new RegExp(`\`${verb}[ \`]`).test(line.split(' | ')[0] ?? ''));
    expect(verbs.filter((verb) => !named(verb))).toEqual([]);
  });
});
