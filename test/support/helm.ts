// Helm and the schemas of Kubernetes, got once and kept in the user's cache folder: Helm by Go's module proxy unless it is there,
// the schemas from the Python package that carries them.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const HELM = 'helm.sh/helm/v3/cmd/helm@v3.22.0';
const SCHEMAS = 'kubernetes-validate==1.37.0';
const cache = process.env.HERE_TEST_CACHE ?? path.join(os.homedir(), '.cache', 'here-tracking-bridge');

const built = path.join(cache, 'helm-v3.22.0', 'helm');

/** Helm, or where it may be built the program that does; null: neither. */
export function wayToHelm(program: (name: string) => string | null): string | null {
  if (existsSync(built)) return built;
  return program('helm') ?? (process.env.HELM_BUILD === '1' ? program('go') : null);
}

/** `found`: Helm itself, or Go. */
export function helmProgram(found: string): string {
  if (path.basename(found) === 'helm') return found;
  const folder = path.dirname(built);
  mkdirSync(folder, { recursive: true });
  execFileSync(found, ['install', HELM], { env: { ...process.env, GOBIN: folder }, stdio: 'pipe' });
  return built;
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
