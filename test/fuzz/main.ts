// `npm run fuzz`: random and hostile requests to a bridge of its own, with its memory watched. Ten minutes unless said otherwise.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { startSandbox } from '../../src/sandbox/server.ts';
import { freePort } from '../support/free-port.ts';
import { optionsOf, wholeOption } from '../support/options.ts';
import { adminToken, fuzz } from './fuzz.ts';
import { Inspector, type LiveMemory } from './live-memory.ts';

const values = optionsOf({
  seconds: { type: 'string', default: '600' },
  seed: { type: 'string', default: '1' },
  parallel: { type: 'string', default: '4' },
});
const seconds = wholeOption('seconds', values.seconds, 1, 86_400);
const seed = wholeOption('seed', values.seed, 0);
const parallel = wholeOption('parallel', values.parallel, 1, 256);
const SAMPLES = 20;
/**
 * What is live at the end against what is live after the first third, as medians of four samples: more than this is growth. By the
 * first third the code that the requests use is compiled and the rings and caches that have a bound are filled.
 */
const MAX_GROWTH = 1.1;

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
const inspected = await freePort();
const child = spawn(process.execPath, [`--inspect=127.0.0.1:${inspected}`, bin, 'start', '--config', config], {
  // The inspector tells there that it listens.
  stdio: ['ignore', 'inherit', 'ignore'],
});
const samples: LiveMemory[] = [];
/** Open ones, which the bridge would wait for at its end. */
const inspectors: Inspector[] = [];
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
  const inspector = await Inspector.of(inspected);
  inspectors.push(inspector);
  const ids = ['tenant-a', 'main', '0018B20000000B20'];
  const sampler = setInterval(
    () =>
      void inspector.memory().then(
        (sample) => samples.push(sample),
        (error) => console.error(String(error)),
      ),
    (seconds * 1000) / SAMPLES,
  );
  const report = await fuzz({
    url,
    headers,
    seed,
    seconds,
    parallel,
    ids,
  });
  clearInterval(sampler);
  samples.push(await inspector.memory());
  const live = samples.map(({ heap, external }) => heap + external);
  const third = Math.floor(live.length / 3);
  const [early, late] = [median(live.slice(third, third + 4)), median(live.slice(-4))];
  const memory = {
    liveMib: live.map(mib),
    rssMib: samples.map(({ rss }) => mib(rss)),
    early: mib(early),
    late: mib(late),
  };
  console.log(JSON.stringify({ ...report, memory }, null, 1));
  const isJudged = live.length >= SAMPLES - 2;
  const grows = isJudged && late > early * MAX_GROWTH;
  if (!isJudged) console.log('memory was not judged: the bridge could not be asked often enough');
  if (grows)
    console.log(`memory grows: ${mib(early)} MiB are live after a third of the time, ${mib(late)} MiB at the end`);
  process.exitCode = report.findings.length === 0 && isJudged && !grows && child.exitCode === null ? 0 : 1;
} finally {
  for (const inspector of inspectors) inspector.close();
  child.kill();
  await new Promise((resolve) => (child.exitCode === null ? child.once('exit', resolve) : resolve(null)));
  await sandbox.stop();
  rmSync(folder, { recursive: true, force: true });
}

function mib(bytes: number): number {
  return Math.round((bytes / 2 ** 20) * 10) / 10;
}

function median(sorted: readonly number[]): number {
  return [...sorted].sort((a, b) => a - b)[sorted.length >> 1] ?? 0;
}
