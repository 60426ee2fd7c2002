// `npm run fuzz`: random and hostile requests to a bridge of its own, with its memory watched. Ten minutes unless said otherwise.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { startSandbox } from '../../src/sandbox/server.ts';
import { freePort } from '../support/free-port.ts';
import { adminToken, fuzz } from './fuzz.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '600' },
    seed: { type: 'string', default: '1' },
    parallel: { type: 'string', default: '4' },
  },
});
const SAMPLE_MS = 5_000;
/** Memory at the end against memory half-way, as medians of ten samples: more than this is growth. */
const MAX_GROWTH = 1.25;

const folder = mkdtempSync(path.join(os.tmpdir(), 'bridge-fuzz-'));
const sandbox = await startSandbox({ port: 0 });
const port = await freePort();
const url = `http://127.0.0.1:${port}`;
const config = path.join(folder, 'config.json');
writeFileSync(
  config,
  JSON.stringify({
    dataDir: path.join(folder, 'data'),
    brokers: { main: { kind: 'embedded', port: await freePort() } },
    here: { defaultService: 'sandbox', services: { sandbox: { url: sandbox.url } } },
    http: { port, requestsPerSecond: 100_000 },
    log: { level: 'warn', pretty: 'never' },
  }),
);
const bin = path.resolve(import.meta.dirname, '../../bin/here-bridge.js');
const child = spawn(process.execPath, [bin, 'start', '--config', config], { stdio: ['ignore', 'inherit', 'inherit'] });
const rss: number[] = [];
try {
  for (
    let n = 0;
    !(await fetch(`${url}/health/ready`)
      .then((answer) => answer.ok)
      .catch(() => false));
    n++
  ) {
    if (n > 900) throw new Error('the bridge does not get ready');
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  const headers = { authorization: `Bearer ${await adminToken(url)}` };
  const { email, password, appIds } = sandbox;
  const definition = {
    connectorId: 'actility-here-iot',
    name: 'Fuzzed',
    configuration: { email, password, appId: appIds[0] },
  };
  await fetch(`${url}/connections/tenant-a`, {
    method: 'PUT',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify(definition),
  });
  const sampler = setInterval(() => rss.push(residentMib(child.pid ?? 0)), SAMPLE_MS);
  const ids = ['tenant-a', 'main', '0018B20000000B20'];
  const seconds = Number(values.seconds);
  const report = await fuzz({
    url,
    headers,
    seed: Number(values.seed),
    seconds,
    parallel: Number(values.parallel),
    ids,
  });
  clearInterval(sampler);
  const half = median(rss.slice(rss.length >> 1, (rss.length >> 1) + 10));
  const last = median(rss.slice(-10));
  console.log(JSON.stringify({ ...report, rssMib: { first: rss[0], half, last, most: Math.max(...rss) } }, null, 1));
  const grows = rss.length >= 40 && last > half * MAX_GROWTH;
  if (grows) console.log(`memory grows: ${half} MiB half-way, ${last} MiB at the end`);
  process.exitCode = report.findings.length === 0 && !grows && child.exitCode === null ? 0 : 1;
} finally {
  child.kill();
  await new Promise((resolve) => (child.exitCode === null ? child.once('exit', resolve) : resolve(null)));
  await sandbox.stop();
  rmSync(folder, { recursive: true, force: true });
}

function residentMib(pid: number): number {
  const line = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Math.round(Number(line?.[1] ?? 0) / 1024);
}

function median(sorted: readonly number[]): number {
  return [...sorted].sort((a, b) => a - b)[sorted.length >> 1] ?? 0;
}
