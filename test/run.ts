// `npm test`: runs every suite that can run here, tells which were left out and what they need, ends with the counts.
//   npm test                      everything
//   npm test -- unit              one project
//   npm test -- test/config       files whose path contains this
// With REQUIRE_ALL=1 anything skipped is a failure, but for suites that need files from outside the project (see requirements.ts).
import path from 'node:path';
import { createVitest, parseCLI, type Reporter, type TestModule, type TestSuite } from 'vitest/node';
import config from '../vitest.config.ts';

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

const root = path.resolve(import.meta.dirname, '..');
const NEEDS = /^(.*) \[(needs|without) (.+)\]$/;

class Tally implements Reporter {
  readonly counts: Counts = { passed: 0, failed: 0, skipped: 0 };
  readonly leftOut: string[] = [];
  /** Skipped tests of suites whose outside files are absent. */
  excused = 0;

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    for (const module of modules) this.#count(module);
    this.counts.failed += unhandledErrors.length;
  }

  #count(module: TestModule): void {
    let failed = 0;
    for (const { result } of Array.from(module.children.allTests(), (test) => ({ result: test.result() }))) {
      if (result.state === 'passed') this.counts.passed += 1;
      else if (result.state === 'failed') failed += 1;
      else this.counts.skipped += 1;
    }
    // What breaks outside of a test (a file that cannot be loaded, a hook) is a failure too.
    if (failed === 0 && module.state() === 'failed') failed = 1;
    this.counts.failed += failed;
    for (const suite of module.children.allSuites()) this.#noteNeed(module, suite);
  }

  #noteNeed(module: TestModule, suite: TestSuite): void {
    const match = NEEDS.exec(suite.name);
    if (match === null) return;
    this.leftOut.push(`${path.relative(root, module.moduleId)}: "${match[1]}" needs ${match[3]}`);
    if (match[2] === 'without') this.excused += Array.from(suite.children.allTests()).length;
  }
}

function projectNames(): string[] {
  return (config.test?.projects ?? []).flatMap((project) => {
    const name = typeof project === 'object' && 'test' in project ? project.test?.name : undefined;
    return typeof name === 'string' ? [name] : [];
  });
}

async function run(args: readonly string[]): Promise<{ tally: Tally; broken: string | null }> {
  const { filter, options } = parseCLI(['vitest', 'run', ...args]);
  const names = projectNames();
  const projects = filter.filter((word) => names.includes(word));
  const files = filter.filter((word) => !names.includes(word));
  const tally = new Tally();
  const wanted = projects.length > 0 ? { project: projects } : {};
  const vitest = await createVitest({
    ...options,
    ...wanted,
    root,
    watch: false,
    run: true,
    reporters: ['default', tally],
  });
  let broken: string | null = null;
  try {
    await vitest.start(files);
  } catch (error) {
    broken = error instanceof Error ? error.message : String(error);
  }
  await vitest.close();
  return { tally, broken };
}

const { tally, broken } = await run(process.argv.slice(2));
const { passed, failed, skipped } = tally.counts;
const requireAll = process.env.REQUIRE_ALL === '1';
if (tally.leftOut.length > 0) console.log(`\nLeft out:\n${tally.leftOut.map((line) => `  ${line}`).join('\n')}`);
const unexcused = skipped - tally.excused;
if (requireAll && unexcused > 0) console.log('\nREQUIRE_ALL=1: nothing may be skipped');
if (broken !== null) console.log(`\nThe run broke off: ${broken}`);
if (broken === null && passed + failed + skipped === 0) console.log('\nNo test was found');
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exit(broken !== null || failed > 0 || passed === 0 || (requireAll && unexcused > 0) ? 1 : 0);
