// What renders the chart, and the schemas of Kubernetes, got once and kept in the user's cache folder: a program of Helm's own packages
// (helm-template/, built by Go in a minute or two), or Helm where there is no Go; the schemas from the Python package that carries them.
import { execFileSync, type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const SCHEMAS = 'kubernetes-validate==1.37.0';
const KUBERNETES = '1.34.0';
const cache = process.env.HERE_TEST_CACHE ?? path.join(os.homedir(), '.cache', 'here-tracking-bridge');
const source = path.join(import.meta.dirname, 'helm-template');

/** Another one for each version of its source. */
function builtProgram(): string {
  const hash = createHash('sha256');
  for (const name of ['main.go', 'go.sum']) hash.update(readFileSync(path.join(source, name)));
  return path.join(cache, `helm-template-${hash.digest('hex').slice(0, 12)}`, 'helm-template');
}

/** A program that renders charts, or Go, where it may be built; null: neither. */
export function wayToHelm(program: (name: string) => string | null): string | null {
  if (program('pip') === null || program('python3') === null) return null;
  const built = builtProgram();
  return existsSync(built) ? built : (program('go') ?? program('helm'));
}

/** Renders a chart with the values of a JSON file, as release `site` in the namespace `iot`. */
export type RenderChart = (chart: string, valuesFile: string) => SpawnSyncReturns<string>;

/** `found`: of `wayToHelm`. Builds the program where Go was found: a minute or two, once. */
export function chartRenderer(found: string): RenderChart {
  const run = (program: string, args: readonly string[]) => spawnSync(program, args, { encoding: 'utf8' });
  if (path.basename(found) === 'helm') {
    return (chart, values) =>
      run(found, ['template', 'site', chart, '--kube-version', KUBERNETES, '--namespace', 'iot', '-f', values]);
  }
  const built = builtProgram();
  if (!existsSync(built)) {
    mkdirSync(path.dirname(built), { recursive: true });
    execFileSync(found, ['build', '-C', source, '-o', built, '.'], { stdio: 'pipe' });
  }
  return (chart, values) => run(built, [chart, values, KUBERNETES]);
}

/** The folder of JSON schemas of the newest Kubernetes that the package knows; one file a kind: `service-v1.json`. */
export function kubernetesSchemas(): string {
  const folder = path.join(cache, 'kubernetes-validate-1.37.0');
  const schemas = path.join(folder, 'kubernetes_validate', 'kubernetes-json-schema');
  if (!existsSync(schemas)) {
    mkdirSync(folder, { recursive: true });
    execFileSync('pip', ['download', SCHEMAS, '--no-deps', '--quiet', '-d', folder], { stdio: 'pipe' });
    const wheel = readdirSync(folder).find((name) => name.endsWith('.whl')) as string;
    execFileSync('python3', ['-m', 'zipfile', '-e', path.join(folder, wheel), folder], { stdio: 'pipe' });
  }
  const minor = (name: string): number => Number(/^v1\.(\d+)\./.exec(name)?.[1] ?? 0);
  const newest = readdirSync(schemas).sort((a, b) => minor(b) - minor(a))[0] as string;
  return path.join(schemas, newest);
}
