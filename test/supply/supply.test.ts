// What comes along is known, allowed and unchanged.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { isAllowed, licencesPage } from './licences.ts';
import { readProject } from './packages.ts';
import { makeSbom } from './sbom.ts';

const project = readProject();

test('every package of an installation for production has a licence that may be part of this work', () => {
  expect(project.packages.length).toBeGreaterThan(50);
  expect(
    project.packages.filter(({ licence }) => !isAllowed(licence)).map(({ name, licence }) => `${name}: ${licence}`),
  ).toEqual([]);
});

test('docs/licences.md is what the lock file says (npm run -s licences > docs/licences.md)', () => {
  const page = readFileSync(path.resolve(import.meta.dirname, '../../docs/licences.md'), 'utf8');
  expect(page).toBe(licencesPage(project));
});

test.each([
  ['MIT', true],
  ['(MIT OR GPL-3.0)', true],
  ['MIT AND GPL-3.0', false],
  ['GPL-3.0-only', false],
  ['UNLICENSED', false],
  [null, false],
])('the licence %s may be part of it: %s', (licence, verdict) => {
  expect(isAllowed(licence)).toBe(verdict);
});

test('the SBOM names every package with version, licence and hash, and everything that each depends on', () => {
  const sbom = makeSbom(project) as {
    components: {
      'bom-ref': string;
      purl: string;
      licenses?: unknown[];
      hashes?: { alg: string; content: string }[];
    }[];
    dependencies: { ref: string; dependsOn: string[] }[];
    serialNumber: string;
  };
  const refs = new Set(sbom.components.map((component) => component['bom-ref']));
  expect(refs.size).toBe(project.packages.length);
  for (const { purl, licenses, hashes = [] } of sbom.components) {
    expect(purl).toMatch(/^pkg:npm\/(%40[\w.-]+\/)?[\w.-]+@\d+\.\d+\.\d+[\w.+-]*$/);
    expect([purl, licenses?.length]).toEqual([purl, 1]);
    for (const { alg, content } of hashes)
      expect([alg, content]).toEqual(['SHA-512', expect.stringMatching(/^[0-9a-f]{128}$/)]);
  }
  expect(sbom.serialNumber).toMatch(/^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$/);
  // Everything that is there is needed by something, and everything that is needed is there.
  const needed = new Set(sbom.dependencies.flatMap(({ dependsOn }) => dependsOn));
  expect([...refs].filter((ref) => !needed.has(ref))).toEqual([]);
  expect([...needed].filter((ref) => !refs.has(ref))).toEqual([]);
  expect(makeSbom(project)).toEqual(sbom);
});
