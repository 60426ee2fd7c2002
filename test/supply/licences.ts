// The licences of all packages of an installation for production, as the page docs/licences.md, and which of them may be.
import type { Project } from './packages.ts';

/**
 * Permissive ones: each may be part of a work under the Apache License 2.0, with its notice kept (the packages bring theirs along in
 * node_modules, so in the image too). Copyleft and unclear ones are not among them.
 */
export const ALLOWED = [
  'MIT',
  'ISC',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'Apache-2.0',
  '0BSD',
  'BlueOak-1.0.0',
  'Unlicense',
  'CC0-1.0',
];

/** `A OR B`: one of them must be allowed; `A AND B`: each. */
export function isAllowed(licence: string | null): boolean {
  if (licence === null) return false;
  const bare = licence.replace(/[()]/g, ' ').trim();
  if (/ OR /.test(bare)) return bare.split(' OR ').some(isAllowed);
  if (/ AND /.test(bare)) return bare.split(' AND ').every(isAllowed);
  return ALLOWED.includes(bare);
}

export function licencesPage({ packages }: Project): string {
  const byLicence = new Map<string, number>();
  for (const { licence } of packages) byLicence.set(licence ?? 'none', (byLicence.get(licence ?? 'none') ?? 0) + 1);
  const counts = [...byLicence].sort(([a], [b]) => (a < b ? -1 : 1)).map(([licence, count]) => `${licence} ${count}`);
  const rows = packages.map(({ name, version, licence, isDirect, isOptional }) => {
    const how = [isDirect ? 'direct' : [], isOptional ? 'optional' : []].flat().join(', ');
    return `| \`${name}\` | ${version} | ${licence ?? 'none'} | ${how} |`;
  });
  return [
    '# Licences of what comes along',
    '',
    'The bridge is under the [Apache License 2.0](../LICENSE). An installation for production (`npm ci --omit=dev`) holds these packages.',
    'All their licences are permissive and compatible with it: a test fails where one is not, or where this list is not what the lock file',
    'says (`npm run -s licences > docs/licences.md`). Optional ones are for some platforms only. `npm run -s sbom` prints the same as a',
    'software bill of materials (CycloneDX 1.6) with hashes and dependencies.',
    '',
    `${packages.length} packages: ${counts.join(', ')}.`,
    '',
    '| Package | Version | Licence | |',
    '| --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
}
