// `npm run sbom` and `npm run licences`: what an installation for production holds, for machines and for people.
import { licencesPage } from './licences.ts';
import { readProject } from './packages.ts';
import { makeSbom } from './sbom.ts';

const project = readProject();
const wanted = process.argv[2];
if (wanted === 'sbom') process.stdout.write(`${JSON.stringify(makeSbom(project), null, 2)}\n`);
else if (wanted === 'licences') process.stdout.write(licencesPage(project));
else {
  process.stderr.write('Allowed: sbom, licences\n');
  process.exitCode = 64;
}
