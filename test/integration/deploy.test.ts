// config/deploy: the chart renders to manifests that Kubernetes takes, with the configuration that the bridge takes; systemd takes
// the unit.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { beforeAll, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { loadConfig } from '../../src/config/load.ts';
import { temporaryFolder } from '../support/bridge.ts';
import { chartRenderer, kubernetesSchemas, type RenderChart } from '../support/helm.ts';
import { describeWith } from '../support/requirements.ts';

const root = path.resolve(import.meta.dirname, '../..');
const chart = path.join(root, 'config/deploy/helm/here-tracking-bridge');
const unit = path.join(root, 'config/deploy/systemd/here-tracking-bridge.service');

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  // biome-ignore lint/suspicious/noExplicitAny: tests look into manifests freely
  readonly spec: any;
  readonly data?: Readonly<Record<string, string>>;
}

describeWith('helm', 'the Helm chart', (found) => {
  let renderChart: RenderChart;
  let schemas = '';
  beforeAll(() => {
    renderChart = chartRenderer(found);
    schemas = kubernetesSchemas();
  }, 900_000);

  function render(values: object = {}): Manifest[] {
    const file = path.join(temporaryFolder(), 'values.json');
    writeFileSync(file, JSON.stringify(values));
    const { status, stdout, stderr } = renderChart(chart, file);
    expect(status, stderr).toBe(0);
    return parseAllDocuments(stdout)
      .map((document) => document.toJS())
      .filter((manifest) => manifest !== null);
  }

  const one = (manifests: readonly Manifest[], kind: string): Manifest =>
    manifests.find((manifest) => manifest.kind === kind) as Manifest;

  const VALUES = {
    image: { repository: 'registry.example/bridge', tag: '1.2.3' },
    secret: { existing: 'bridge-secrets' },
    env: { HERE_BRIDGE_BROKERS_MAIN_PASSWORD_FILE: '/run/secrets/here-bridge/mqtt-password' },
    config: {
      brokers: { main: { url: 'mqtts://mqtt.example', username: 'bridge' } },
      http: { port: 1, host: '127.0.0.1' },
    },
    persistence: { size: '50Gi', storageClass: 'fast' },
    networkPolicy: { from: [{ namespaceSelector: {} }], egressPorts: [443, 8883] },
    nodeSelector: { disk: 'ssd' },
    tolerations: [{ key: 'iot', operator: 'Exists' }],
    podAnnotations: { 'prometheus.io/scrape': 'true' },
  };

  test('renders to manifests that the schemas of Kubernetes take, with the defaults and with every value set', () => {
    for (const values of [{}, VALUES]) {
      const manifests = render(values);
      expect(manifests.map(({ kind }) => kind).sort()).toEqual([
        'ConfigMap',
        'NetworkPolicy',
        'Service',
        'Service',
        'ServiceAccount',
        'StatefulSet',
      ]);
      for (const manifest of manifests) {
        const version = manifest.apiVersion.replace(/^(\w+)\.k8s\.io/, '$1').replace('/', '-');
        const file = path.join(schemas, `${manifest.kind.toLowerCase()}-${version}.json`);
        expect(existsSync(file)).toBe(true);
        const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false });
        const definitions = JSON.parse(readFileSync(path.join(schemas, '_definitions.json'), 'utf8'));
        ajv.addSchema({ ...definitions, $id: 'https://kubernetes.io/api/_definitions.json' });
        const isValid = ajv.validate(JSON.parse(readFileSync(file, 'utf8')), manifest);
        expect([manifest.kind, isValid, ajv.errors]).toEqual([manifest.kind, true, null]);
      }
    }
  });

  test('gives the bridge a configuration that it takes, whatever host and port the values name', () => {
    for (const values of [{}, VALUES]) {
      const text = one(render(values), 'ConfigMap').data?.['bridge.json'] as string;
      const folder = temporaryFolder();
      writeFileSync(path.join(folder, 'bridge.json'), text);
      const { config } = loadConfig({ files: ['./bridge.json'], env: {}, cwd: folder });
      expect([config.dataDir, config.http.host, config.http.port]).toEqual(['/data', '0.0.0.0', 8080]);
      expect(config.brokers.main?.kind).toBe('mqtt');
    }
  });

  test('runs without root and without writing to its image, with probes and a volume that outlives it', () => {
    const { template, volumeClaimTemplates } = one(render(VALUES), 'StatefulSet').spec;
    const [container] = template.spec.containers;
    expect(template.spec.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 1000, fsGroup: 1000 });
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    expect(container.livenessProbe.httpGet.path).toBe('/health/live');
    expect(container.readinessProbe.httpGet.path).toBe('/health/ready');
    expect(volumeClaimTemplates[0].spec).toMatchObject({
      storageClassName: 'fast',
      resources: { requests: { storage: '50Gi' } },
    });
    expect(template.spec.automountServiceAccountToken).toBe(false);
    expect(template.spec.volumes.map(({ name }: { name: string }) => name)).toEqual(['config', 'tmp', 'secret']);
    expect(JSON.stringify(container.env)).toContain('mqtt-password');
  });

  test('refuses values that it does not know', () => {
    const file = path.join(temporaryFolder(), 'values.json');
    writeFileSync(file, JSON.stringify({ replicas: 'two', persistance: {} }));
    const { status, stderr } = renderChart(chart, file);
    expect(status).not.toBe(0);
    expect(stderr).toMatch(/persistance/);
    expect(stderr).toMatch(/replicas/);
  });
});

describeWith('systemd', 'the systemd unit', (found) => {
  test('is one that systemd takes', () => {
    const file = path.join(temporaryFolder(), 'here-tracking-bridge.service');
    // The program is not installed here.
    writeFileSync(file, readFileSync(unit, 'utf8').replace(/^ExecStart=\S+/m, `ExecStart=${process.execPath}`));
    const { status, stderr } = spawnSync(found, ['verify', '--man=no', file], { encoding: 'utf8' });
    expect([status, stderr]).toEqual([0, '']);
  });
});
