// The software bill of materials of an installation for production, as CycloneDX 1.6 in JSON. Made of the lock file alone, so the same
// lock file gives the same document, byte by byte.
import { createHash } from 'node:crypto';
import { keyOf, type Package, type Project } from './packages.ts';

type Json = Record<string, unknown>;

export function makeSbom(project: Project): Json {
  const root = `pkg:npm/${project.name}@${project.version}`;
  const components = project.packages.map(component);
  const known = new Map(project.packages.map((each) => [keyOf(each), purl(each)]));
  const refs = (keys: readonly string[]): string[] => keys.flatMap((key) => known.get(key) ?? []);
  return {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    serialNumber: `urn:uuid:${uuidOf(JSON.stringify(components))}`,
    version: 1,
    metadata: {
      component: {
        type: 'application',
        'bom-ref': root,
        name: project.name,
        version: project.version,
        purl: root,
        licenses: [{ license: { id: 'Apache-2.0' } }],
      },
    },
    components,
    dependencies: [
      { ref: root, dependsOn: refs(project.needs) },
      ...project.packages.map((each) => ({ ref: purl(each), dependsOn: refs(each.needs) })),
    ],
  };
}

function component(each: Package): Json {
  const { name, version, licence, integrity, isOptional } = each;
  const [algorithm = '', digest = ''] = integrity?.split('-', 2) ?? [];
  const hash = { alg: algorithm.replace(/^sha/, 'SHA-'), content: Buffer.from(digest, 'base64').toString('hex') };
  const [scope, short] = name.startsWith('@') ? name.split('/', 2) : [null, name];
  return {
    type: 'library',
    'bom-ref': purl(each),
    ...(scope === null ? {} : { group: scope }),
    name: short,
    version,
    scope: isOptional ? 'optional' : 'required',
    ...(integrity === null ? {} : { hashes: [hash] }),
    ...(licence === null ? {} : { licenses: [licenceOf(licence)] }),
    purl: purl(each),
  };
}

function licenceOf(spdx: string): Json {
  return /[ ()]/.test(spdx) ? { expression: spdx } : { license: { id: spdx } };
}

/** https://github.com/package-url/purl-spec: the `@` of a scope is percent-encoded. */
function purl({ name, version }: Package): string {
  return `pkg:npm/${name.replace(/^@/, '%40')}@${version}`;
}

/** Of the content, in the form of a UUID version 5. */
function uuidOf(content: string): string {
  const hex = createHash('sha256').update(content).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
