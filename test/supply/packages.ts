// The packages that an installation for production holds, as the lock file names them: the one source of the SBOM and of the licences.
import { readFileSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '../..');

export interface Package {
  readonly name: string;
  readonly version: string;
  /** SPDX; null: the package says none. */
  readonly licence: string | null;
  /** Subresource integrity, as `sha512-…`; null: the lock file has none. */
  readonly integrity: string | null;
  /** For some platforms only, or replaceable. */
  readonly isOptional: boolean;
  /** Named in package.json. */
  readonly isDirect: boolean;
  /** Names and versions of what it needs. */
  readonly needs: readonly string[];
}

interface Entry {
  readonly version?: string;
  readonly license?: string;
  readonly integrity?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly devOptional?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

export interface Project {
  readonly name: string;
  readonly version: string;
  readonly needs: readonly string[];
  /** By name, then version; each once. */
  readonly packages: readonly Package[];
}

export function readProject(): Project {
  const { packages: entries } = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8')) as {
    packages: Readonly<Record<string, Entry>>;
  };
  const { name, version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as Project;
  const direct = entries['']?.dependencies ?? {};
  const found = new Map<string, Package>();
  for (const [place, entry] of Object.entries(entries)) {
    if (place === '' || entry.dev === true || entry.version === undefined) continue;
    const made: Package = {
      name: nameOf(place),
      version: entry.version,
      licence: entry.license ?? null,
      integrity: entry.integrity ?? null,
      isOptional: entry.optional === true || entry.devOptional === true,
      isDirect: nameOf(place) in direct && place === `node_modules/${nameOf(place)}`,
      needs: needsOf(entries, place, entry),
    };
    const key = `${made.name}@${made.version}`;
    if (found.get(key)?.isDirect !== true) found.set(key, made);
  }
  const packages = [...found.values()].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  return { name, version, needs: needsOf(entries, '', entries[''] ?? {}), packages };
}

export function keyOf({ name, version }: Pick<Package, 'name' | 'version'>): string {
  return `${name}@${version}`;
}

function nameOf(place: string): string {
  return place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length);
}

/** As Node finds them: in the nearest folder upwards. */
function needsOf(entries: Readonly<Record<string, Entry>>, place: string, entry: Entry): string[] {
  const keys: string[] = [];
  for (const name of Object.keys({ ...entry.dependencies, ...entry.optionalDependencies })) {
    for (let folder = place; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')))) {
      const at = `${folder === '' ? '' : `${folder}/`}node_modules/${name}`;
      const found = entries[at];
      if (found?.version !== undefined) keys.push(`${name}@${found.version}`);
      if (found !== undefined || folder === '') break;
      if (!folder.includes('/node_modules/')) folder = '';
    }
  }
  return keys.sort();
}
