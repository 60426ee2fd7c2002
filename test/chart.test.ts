// The Helm chart as far as it can be judged without Helm (deploy.test renders it where Helm is there): its values, what its templates
// ask of them, and what each pod must have.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Ajv } from 'ajv';
import { describe, expect, test } from 'vitest';
import { type Document, parse, parseAllDocuments } from 'yaml';

const chart = path.resolve(import.meta.dirname, '../config/deploy/helm/here-tracking-bridge');
const read = (file: string): string => readFileSync(path.join(chart, file), 'utf8');
const templates = readdirSync(path.join(chart, 'templates')).filter((name) => name.endsWith('.yaml'));
const values = parse(read('values.yaml')) as Record<string, unknown>;

/** Actions taken out, so that what is left is YAML: lines that only steer go, values become a text. */
function plain(template: string): string {
  return template
    .split('\n')
    .filter((line) => !/^\s*\{\{-?[^}]*\}\}\s*$/.test(line))
    .map((line) => line.replaceAll(/"?\{\{[^}]*\}\}[^\s"]*"?(?=[\s"]|$)/g, 'x'))
    .join('\n');
}

test('values.yaml follows values.schema.json, which refuses what it does not know', () => {
  const schema = JSON.parse(read('values.schema.json'));
  const validate = new Ajv({ strict: false }).compile(schema);
  expect([validate(values), validate.errors]).toEqual([true, null]);
  expect(validate({ ...values, replica: 2 })).toBe(false);
  expect(
    Object.keys(schema.properties)
      .filter((name) => name !== 'global')
      .sort(),
  ).toEqual(Object.keys(values).sort());
});

describe.each(templates)('The template %s', (name) => {
  const text = read(`templates/${name}`);

  test('closes what it opens and asks only for values that there are', () => {
    const actions = [...text.matchAll(/\{\{-?\s*(.*?)\s*-?\}\}/g)].map(([, action = '']) => action);
    const opened = actions.filter((action) => /^(if|with|range|define|block)\b/.test(action)).length;
    expect([text.split('{{').length, actions.filter((action) => action === 'end').length]).toEqual([
      text.split('}}').length,
      opened,
    ]);
    for (const [, asked = ''] of text.matchAll(/\.Values\.([A-Za-z.]+)/g)) {
      let at: unknown = values;
      for (const part of asked.split('.')) at = (at as Record<string, unknown> | undefined)?.[part];
      expect([asked, at === undefined]).toEqual([asked, false]);
    }
  });

  test('is YAML once its actions are filled in', () => {
    const documents = parseAllDocuments(plain(text)) as Document[];
    expect(documents.flatMap(({ errors }) => errors.map(({ message }) => message))).toEqual([]);
  });
});

test('the pod runs as nobody in particular on a read-only root, is probed, and keeps its journal on a volume', () => {
  const { spec } = parse(plain(read('templates/statefulset.yaml')));
  const pod = spec.template.spec;
  expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
  expect(pod.automountServiceAccountToken).toBe(false);
  const [container] = pod.containers;
  expect(container.securityContext).toEqual({
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  });
  expect(container.livenessProbe.httpGet.path).toBe('/health/live');
  expect(container.readinessProbe.httpGet.path).toBe('/health/ready');
  expect(container.startupProbe.failureThreshold * container.startupProbe.periodSeconds).toBeGreaterThanOrEqual(300);
  const mounts = container.volumeMounts.map(({ mountPath }: { mountPath: string }) => mountPath);
  expect(mounts).toEqual(expect.arrayContaining(['/data', '/etc/here-bridge', '/tmp']));
  expect(spec.volumeClaimTemplates[0].metadata.name).toBe('data');
});
