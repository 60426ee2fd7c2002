// The sandbox's answers against HERE's own OpenAPI document: each path, each kind of success, and the errors.
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Ajv, type ValidateFunction } from 'ajv';
import addFormats from 'ajv-formats';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Sandbox, startSandbox } from '../../src/sandbox/server.ts';
import { describeWith } from '../support/requirements.ts';
import { type HttpAnswer, logIn, request, type SandboxClient } from '../support/sandbox.ts';

interface Operation {
  readonly responses: Record<string, { readonly content?: Record<string, { readonly schema: object }> }>;
}

describeWith('openapi', "the sandbox against HERE's OpenAPI document", (file) => {
  const appId = 'someAppId1';
  const T = Date.now() - 60_000;
  const seen = new Set<string>();
  let paths: Record<string, Record<string, Operation>> = {};
  let sandbox: Sandbox;
  let client: SandboxClient;
  const ajv = new Ajv({ strict: false, validateFormats: true });
  addFormats.default(ajv);
  const compiled = new Map<object, ValidateFunction>();

  beforeAll(async () => {
    paths = JSON.parse(readFileSync(file, 'utf8')).paths;
    sandbox = await startSandbox({
      jobMs: 0,
      accounts: [
        {
          email: 'a@b.example',
          password: 'secret',
          projects: [
            { appId, devices: ['a', 'b', 'c'] },
            { appId: 'platformAp', type: 'platform' },
          ],
        },
        { email: 'locked@b.example', password: 'secret', projects: [{ appId: 'anotherApp' }] },
      ],
    });
    client = await logIn(sandbox);
  });
  afterAll(() => sandbox.stop());

  /** Sends, and checks status and body against the document. `template`: the path as the document writes it. */
  async function check(
    method: string,
    template: string,
    status: number,
    path = template,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<HttpAnswer> {
    const answer = await client.call(method, path, body, headers);
    expect(answer.status, `${method} ${path}: ${JSON.stringify(answer.body)}`).toBe(status);
    const response = paths[template]?.[method.toLowerCase()]?.responses[String(status)];
    expect(response, `${method} ${template} documents ${status}`).toBeDefined();
    seen.add(`${method} ${template} ${status}`);
    const schema = Object.values(response?.content ?? {})[0]?.schema;
    if (!schema) {
      // Some errors are documented without a body: they look like all others here.
      if (status < 300) expect(answer.body).toBeUndefined();
      else expect(answer.body).toMatchObject({ code: status, id: expect.any(String), error: expect.any(String) });
      return answer;
    }
    let validate = compiled.get(schema);
    if (!validate) {
      validate = ajv.compile(schema);
      compiled.set(schema, validate);
    }
    validate(answer.body);
    expect(validate.errors ?? [], `${method} ${path} ${JSON.stringify(answer.body)}`).toEqual([]);
    return answer;
  }

  const record = (id: string, more: object = {}) => ({ id, timestamp: T, ...more });
  const full = {
    position: { lat: 48.85, lng: 2.35, accuracy: 10, alt: 30, speed: 3, heading: 9, satellitecount: 7, timestamp: T },
    system: { client: { model: 'M', manufacturer: 'Ab' }, reportedSensorData: { batteryLevel: 4 }, stateVersion: 1 },
    payload: { any: ['thing'] },
  };

  test('log-in, renewal and exchange', async () => {
    const good = { email: 'a@b.example', password: 'secret' };
    const { body } = await check('POST', '/users/v2/login', 200, undefined, good);
    await check('POST', '/users/v2/login', 400, undefined, {});
    await check('POST', '/users/v2/login', 401, undefined, { ...good, password: 'no' });
    await check('POST', '/users/v2/refresh', 400, undefined, {});
    await check('POST', '/users/v2/refresh', 401, undefined, { accessToken: 'x', refreshToken: 'y' });
    const renewed = await check('POST', '/users/v2/refresh', 200, undefined, body);
    const { accessToken } = renewed.body;
    const licenses = await check('GET', '/registry/v2/licenses', 200);
    const scope = licenses.body.licenses[1].projectHrn;
    await check('POST', '/users/v2/tokenExchange', 200, undefined, { accessToken, scope });
    await check('POST', '/users/v2/tokenExchange', 404, undefined, { accessToken, scope: 'hrn:here:nothing' });
    await check('POST', '/users/v2/tokenExchange', 401, undefined, { accessToken: 'x', scope });
    await check('POST', '/users/v2/tokenExchange', 400, undefined, {});
  });

  test('the registry', async () => {
    const devices = '/registry/v2/{appId}/devices';
    const started = await check('POST', devices, 202, `/registry/v2/${appId}/devices?autoclaim=true`, {
      devices: [{ id: 'new' }, { id: 'a' }],
    });
    const { jobId } = started.body;
    await check('GET', '/registry/v2/{jobId}/status', 200, `/registry/v2/${jobId}/status`);
    const results = await check('GET', '/registry/v2/{jobId}/results', 200, `/registry/v2/${jobId}/results`);
    expect(results.body.errors).toHaveLength(1);
    const counted = await check('POST', devices, 202, `/registry/v2/${appId}/devices`, { count: 2 });
    await check('GET', '/registry/v2/{jobId}/results', 200, `/registry/v2/${counted.body.jobId}/results?count=1`);
    await check('POST', devices, 400, `/registry/v2/${appId}/devices`, {});
    await check('POST', devices, 403, '/registry/v2/anotherApp/devices', { devices: [{ id: 'x' }] });
    await check('GET', '/registry/v2/{jobId}/status', 404, `/registry/v2/${randomUUID()}/status`);
    await check('GET', '/registry/v2/{jobId}/results', 404, `/registry/v2/${randomUUID()}/results`);
    await check('GET', devices, 200, `/registry/v2/${appId}/devices?count=2`);
    await check('GET', devices, 400, `/registry/v2/${appId}/devices?count=0`);
    await check('GET', devices, 403, '/registry/v2/anotherApp/devices');
    await check('GET', '/registry/v2/{appId}/licenseCount', 200, `/registry/v2/${appId}/licenseCount`);
    await check('GET', '/registry/v2/licenses', 400, '/registry/v2/licenses?startIndex=-1');
    const device = '/registry/v2/devices/{deviceOrExternalId}';
    const found = await check('GET', device, 200, `/registry/v2/devices/new?appId=${appId}`);
    await check('GET', device, 404, `/registry/v2/devices/nobody?appId=${appId}`);
    const tracked = '/registry/v2/{trackingId}';
    await check('GET', tracked, 200, `/registry/v2/${found.body.trackingId}`);
    await check('GET', tracked, 404, '/registry/v2/nobody');
    await check('PUT', device, 200, `/registry/v2/devices/new?appId=${appId}`);
    await check('DELETE', device, 403, `/registry/v2/devices/new?appId=${appId}`);
    await check('DELETE', tracked, 204, `/registry/v2/${found.body.trackingId}`);
    await check('DELETE', tracked, 404, `/registry/v2/${found.body.trackingId}`);
    await check('PUT', device, 201, `/registry/v2/devices/new?appId=${appId}`);
    await check('PUT', device, 404, `/registry/v2/devices/nobody?appId=${appId}`);
    sandbox.changeDevices(appId, 'claimElsewhere', ['theirs']);
    await check('PUT', device, 409, `/registry/v2/devices/theirs?appId=${appId}`);
    sandbox.changeDevices(appId, 'unclaim', ['new']);
    await check('DELETE', device, 204, `/registry/v2/devices/new?appId=${appId}`);
    await check('GET', '/users/v2/devices', 200, '/users/v2/devices?count=1');
    await check('GET', '/users/v2/devices', 400, '/users/v2/devices?count=x');
  });

  test('ingestion', async () => {
    const batch = (data: unknown) => ({ appId, data });
    await check('POST', '/v3/batch', 204, undefined, batch([record('a', full), record('b')]));
    await check('POST', '/v3/batch', 400, undefined, batch([{}]));
    await check('POST', '/v3/batch', 401, undefined, batch([record('a')]), { Authorization: 'Bearer x' });
    await check('POST', '/v3/batch', 403, undefined, { appId: 'anotherApp', data: [record('a')] });
    await check('POST', '/v3/batch', 404, undefined, batch([record('nobody')]));
    await check('POST', '/v3/batch', 413, undefined, batch(Array(1001).fill(record('a'))));
    await check('POST', '/v3/', 200, undefined, { appId, id: 'a', data: [{ timestamp: T }] });
    await check('POST', '/v3/', 204, '/v3/?async=true', { appId, id: 'a', data: [{ timestamp: T }] });
    await check('POST', '/v3/', 400, undefined, { appId, id: 'a' });
    await check('POST', '/v3/', 404, undefined, { appId, id: 'nobody', data: [{ timestamp: T }] });
    sandbox.setRateLimit(null, { limit: 0 });
    const limited = await check('POST', '/v3/batch', 429, undefined, batch([record('a')]));
    for (const name of ['retry-after', 'x-ratelimit-limit', 'x-ratelimit-remaining']) {
      expect(limited.headers.get(name)).toMatch(/^\d+$/);
    }
    await check('POST', '/v3/', 429, undefined, { appId, id: 'a', data: [{ timestamp: T }] });
    sandbox.setRateLimit(null, null);
    await check('GET', '/v3/health', 200);
    await check('GET', '/v2/timestamp', 200);
    await check('GET', '/v2/timestamp', 400, undefined, undefined, { 'X-Request-Id': '7' });
  });

  test('shadows and traces', async () => {
    await client.send([record('a', full)], appId);
    const one = '/shadows/v2/{trackingId}';
    const a = `/shadows/v2/a?appId=${appId}`;
    const system = {
      rate: { sendMs: 5, sampleMs: 5, distanceM: 1 },
      disableTracking: { periods: [{ begin: T, end: T + 1 }], position: 'all', sensors: ['temperatureC'] },
      sensorLoggingConfigurations: [{ type: 'gnss', samplingFrequency: 5 }],
      wlanConfigurations: [{ ssid: 'x', securityMode: 'none' }],
    };
    await check('PUT', one, 200, a, { desired: { payload: { colour: 'red' }, system } });
    await check('PUT', one, 400, a, { desired: 5 });
    await check('PUT', one, 404, `/shadows/v2/nobody?appId=${appId}`, { desired: {} });
    await check('PUT', one, 413, a, { desired: { payload: { text: 'x'.repeat(1000) } } });
    await check('GET', one, 200, a);
    await check('GET', one, 200, `/shadows/v2/c?appId=${appId}`);
    await check('GET', one, 404, '/shadows/v2/nobody');
    await check('GET', `${one}/{state}`, 200, `/shadows/v2/a/desired?appId=${appId}`);
    await check('GET', `${one}/{state}`, 200, `/shadows/v2/a/reported?appId=${appId}`);
    await check('GET', `${one}/{state}`, 400, `/shadows/v2/a/other?appId=${appId}`);
    await check('POST', '/shadows/v2/batch', 200, `/shadows/v2/batch?appId=${appId}`, ['a', 'nobody']);
    await check('POST', '/shadows/v2/batch', 400, `/shadows/v2/batch?appId=${appId}`, []);
    await check('GET', '/shadows/v4', 200, '/shadows/v4?sort=desired.timestamp:desc&limit=2');
    await check('GET', '/shadows/v4', 400, '/shadows/v4?sort=x');
    await check('GET', '/shadows/v4', 403, '/shadows/v4?projectId=another');
    const traces = '/traces/v2/{trackingId}';
    const traced = await check('GET', traces, 200, `/traces/v2/a?appId=${appId}&count=1`);
    expect(traced.body.data).toHaveLength(1);
    await check('GET', traces, 400, `/traces/v2/a?appId=${appId}&after=0&before=${T}`);
    await check('GET', traces, 404, `/traces/v2/nobody?appId=${appId}`);
    await check('DELETE', traces, 204, `/traces/v2/a?appId=${appId}`);
    await check('DELETE', one, 204, a);
    await check('DELETE', one, 404, '/shadows/v2/nobody');
  });

  test('each path wants a log-in where the document says so, and answers 401 as it says', async () => {
    for (const [template, operations] of Object.entries(paths)) {
      for (const [method, operation] of Object.entries(operations)) {
        if (!operation.responses?.['401'] || template.startsWith('/users/v2/') || template === '/v2/timestamp')
          continue;
        const path = template.replace('{state}', 'desired').replaceAll(/\{\w+\}/g, 'something');
        await check(method.toUpperCase(), template, 401, path, method === 'get' ? undefined : {}, {
          Authorization: '',
        });
      }
    }
  });

  test('no path of the document was left out', () => {
    const documented = Object.entries(paths).flatMap(([template, operations]) =>
      Object.keys(operations)
        .filter((method) => method !== 'parameters')
        .map((method) => `${method.toUpperCase()} ${template}`),
    );
    const missing = documented.filter((name) => ![200, 201, 202, 204].some((status) => seen.has(`${name} ${status}`)));
    expect(missing).toEqual([]);
  });

  test('a locked account answers as the document says', async () => {
    for (let i = 0; i < 5; i++) {
      const answer = await request(sandbox.url, 'POST', '/users/v2/login', {
        email: 'locked@b.example',
        password: 'x',
      });
      expect(answer.status).toBe(401);
    }
    await check('POST', '/users/v2/login', 401, undefined, { email: 'locked@b.example', password: 'secret' });
  });
});
