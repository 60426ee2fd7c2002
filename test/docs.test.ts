// What the documentation says in tables must be what the code does.
import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { EVENT_KINDS } from '../src/domain/events.ts';
import { STATUS_RULES, type StatusRule } from '../src/here/outcome.ts';

/** The rows of all tables of a page, cell by cell, without headings. */
function rows(page: string): string[][] {
  const text = readFileSync(path.join(import.meta.dirname, '../docs', page), 'utf8');
  const lines = text.split('\n').map((line) => line.trim());
  return lines
    .filter((line, at) => line.startsWith('|') && !line.startsWith('| ---') && !lines[at + 1]?.startsWith('| ---'))
    .map((line) =>
      line
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim()),
    );
}

describe('docs/events.md', () => {
  it('has one row for each kind of event, with when and what to do', () => {
    const described = rows('events.md');
    expect(described.map(([kind]) => kind?.replaceAll('`', '')).sort()).toEqual([...EVENT_KINDS].sort());
    for (const [kind, when, todo] of described)
      expect([kind, when, todo].every((cell) => (cell ?? '') !== '')).toBe(true);
  });
});

/**
 * What the statements of a test expect to be told: they expect something, or wait for it, speak of events, and are no word that
 * there is none (`not`, nothing, false). What only hands an event in expects none.
 */
function expectations(test: string): readonly string[] {
  const bare = test.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/^\s*\/\/.*$/gm, '');
  const expects = /\b(?:expect(?:\.poll)?|until)\(/;
  const ofEvents = /kind|told|event|said/i;
  const none =
    /\.not\b|\.to(?:Strict)?Equal\(\[\]\)|\.toMatchObject\(\[\]\)|\.toHaveLength\(0\)|\.toBe\((?:false|0|null|undefined)\)|\.toBe(?:Undefined|Null|Falsy|LessThan)/;
  return bare.split(/;\s*\n/).filter((text) => expects.test(text) && ofEvents.test(text) && !none.test(text));
}

/** As the beginning of a text or of an alternative in a pattern: in the middle, `held` or `rateLimited` may be any word. */
const names = (kind: string): RegExp => new RegExp(`['\`^/|(]${kind}\\b`);

describe('each kind of event', () => {
  it('is told by some part of the bridge', () => {
    const src = path.join(import.meta.dirname, '../src');
    const code = globSync('{access,bridge,connections,downlink,uplink,store}/**/*.ts', { cwd: src })
      .map((file) => readFileSync(path.join(src, file), 'utf8'))
      .join('\n');
    expect(EVENT_KINDS.filter((kind) => !code.includes(`'${kind}'`))).toEqual([]);
  });

  it('is expected by some test', () => {
    const tests = globSync('**/*.test.ts', {
      cwd: import.meta.dirname,
      exclude: ['console/**', 'e2e/**', 'support/**', 'docs.test.ts'],
    });
    const expected = tests
      .flatMap((file) => expectations(readFileSync(path.join(import.meta.dirname, file), 'utf8')))
      .join('\n');
    expect(EVENT_KINDS.filter((kind) => !names(kind).test(expected))).toEqual([]);
  });

  it.each([
    ["expect(worker.kinds('a')).toEqual(['held']);\n", true],
    ["await until('it is told', () => events.some(({ kind }) => kind === 'held'));\n", true],
    ['expect(told[0]).toEqual(expect.stringMatching(/^held: no/));\n', true],
    ['expect(child.output).not.toMatch(/event.*(defect|held)/);\n', false],
    ["expect(await told(bridge, 'held')).toEqual([]);\n", false],
    ["expect(events.some(({ kind }) => kind === 'held')).toBe(false);\n", false],
    ["expect((await ofKind(bridge, 'held')).length).toBeLessThan(10);\n", false],
    ["sink.emit({ kind: 'held', severity: 'info' });\nexpect(told).toHaveLength(1);\n", false],
    ["// expect(kinds).toEqual(['held']);\nexpect(kinds).toHaveLength(1);\n", false],
    ["expect(kinds).toEqual(['it is held']);\n", false],
  ])('counts as expected where a test would miss it: %j', (test, counts) => {
    expect(names('held').test(expectations(test).join('\n'))).toBe(counts);
  });
});

describe('docs/outcomes.md', () => {
  /** What the bridge does, in the page's words. */
  const does = ({ meaning, status }: StatusRule): RegExp => {
    switch (meaning.kind) {
      case 'accepted':
        return /^settles the records as delivered$/;
      case 'refused':
        return meaning.unknownDevice ? /until the device is found$/ : /until the record at fault is found$/;
      case 'tooLarge':
        return /^splits the batch$/;
      case 'reauthenticate':
        return /^renews the token, sends once more, then logs in again$/;
      case 'hold':
        return /^holds the connection with an event$/;
      case 'retry':
        return status === '429' ? /^waits, then repeats$/ : /^repeats$/;
    }
  };

  it('says of each answer to a batch what the rules in force say, in their order', () => {
    const table = rows('outcomes.md').slice(0, STATUS_RULES.length);
    for (const [at, rule] of STATUS_RULES.entries()) {
      const [status, deed, why] = table[at] ?? [];
      expect([status, why]).toEqual([rule.status, rule.why]);
      expect(deed).toMatch(does(rule));
    }
  });
});

describe('CONTRIBUTING.md', () => {
  const root = path.join(import.meta.dirname, '..');
  const text = readFileSync(path.join(root, 'CONTRIBUTING.md'), 'utf8');

  it('names files and folders that are there', () => {
    const named = [...text.matchAll(/`((?:src|test|config|docs)\/[\w./-]+)`/g)].map(([, file]) => file as string);
    expect(named.length).toBeGreaterThan(20);
    expect(named.filter((file) => !existsSync(path.join(root, file)))).toEqual([]);
  });

  it('says of each folder of the source what is in it', () => {
    const folders = readdirSync(path.join(root, 'src'), { withFileTypes: true }).filter((entry) => entry.isDirectory());
    const table = text.split('\n').filter((line) => line.startsWith('| `'));
    const isTold = (name: string): boolean => table.some((line) => line.split('|')[1]?.includes(`\`${name}\``));
    expect(folders.map(({ name }) => name).filter((name) => !isTold(name))).toEqual([]);
  });
});
