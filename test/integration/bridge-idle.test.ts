// A first start is quick, and a bridge whose hundred connections have nothing to do leaves the machine alone.
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { BridgeChild, definition, type TestBroker, temporaryFolder, until, useBroker } from '../support/bridge.ts';
import { describeWith } from '../support/requirements.ts';
import { useSandbox } from '../support/sandbox.ts';

const CONNECTIONS = 100;
const WATCH_MS = Number(process.env.BRIDGE_IDLE_MS ?? 8_000);
/** Of one core. The aim is 2 %; a busy machine and a cold start are let pass. */
const AT_MOST = 0.1;
const TICKS_PER_S = 100;

/** CPU seconds that a process has used: Linux tells. */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_S;
}

async function idle(kind: TestBroker['kind']): Promise<void> {
  const sandbox = await useSandbox();
  const broker = await useBroker(kind);
  const child = new BridgeChild({ dataDir: temporaryFolder(), broker, services: { sandbox: { url: sandbox.url } } });
  const begun = performance.now();
  await child.start();
  const readyMs = performance.now() - begun;
  const { email, password } = sandbox;
  const ids = Array.from({ length: CONNECTIONS }, (_, n) => `c${n}`);
  for (const [n, id] of ids.entries()) {
    const source = { matchers: [{ type: 'thing', tags: [`t${n}`] }] };
    await child.apply(id, definition({ email, password, appId: sandbox.appIds[n % 2], source }));
  }
  for (const id of ids) await until(`${id} is open`, async () => (await child.connection(id))?.state === 'OPENED');
  // The snapshot of the definitions comes 10 s after the start; what follows is the rest.
  const before = cpuSeconds(child.pid);
  const from = performance.now();
  await new Promise((resolve) => setTimeout(resolve, WATCH_MS));
  const seconds = (performance.now() - from) / 1000;
  const after = cpuSeconds(child.pid);
  const share = (after - before) / seconds;
  console.log(
    `${kind}: ready after ${Math.round(readyMs)} ms; ${CONNECTIONS} idle connections: ` +
      `${(share * 100).toFixed(2)} % of a core, ${Math.round(child.rssMiB)} MiB`,
  );
  // The aim is 2 s.
  expect(readyMs).toBeLessThan(15_000);
  expect(share).toBeGreaterThan(0);
  expect(share).toBeLessThan(AT_MOST);
}

/** Elsewhere nothing tells what a process has used: shown as left out. */
const isLinux = existsSync('/proc/self/stat');

describe.skipIf(!isLinux)('a bridge that has nothing to do', () => {
  test('is ready at once and idles, with its own broker', () => idle('embedded'), 90_000);
});

describeWith('mosquitto', 'a bridge that has nothing to do, beside a Mosquitto', () => {
  test.skipIf(!isLinux)('is ready at once and idles', () => idle('mosquitto'), 90_000);
});
