// SIGTERM: the bridge takes nothing more, settles what is in flight, and ends with 0 within 10 s, whoever hangs.
import { describe, expect, onTestFinished, test } from 'vitest';
import type { SandboxOptions } from '../../src/sandbox/options.ts';
import type { Sandbox } from '../../src/sandbox/server.ts';
import {
  BridgeChild,
  type BridgeSetup,
  definition,
  settledLedger,
  type TestBroker,
  temporaryFolder,
  until,
  untilState,
  useBroker,
} from '../support/bridge.ts';
import { describeWith } from '../support/requirements.ts';
import { useSandbox } from '../support/sandbox.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { Uplinks } from '../support/uplinks.ts';

interface Stage {
  readonly sandbox: Sandbox;
  readonly setup: BridgeSetup;
  readonly child: BridgeChild;
  readonly uplinks: Uplinks;
}

async function stage(broker: TestBroker, options: SandboxOptions = {}, state = 'OPENED'): Promise<Stage> {
  const sandbox = await useSandbox(options);
  const setup = { dataDir: temporaryFolder(), broker, services: { sandbox: { url: sandbox.url } } };
  const child = new BridgeChild(setup);
  await child.start();
  const { email, password } = sandbox;
  await child.apply('a', definition({ email, password, appId: sandbox.appIds[0] }));
  await untilState(child, 'a', state);
  const uplinks = new Uplinks({ brokerUrl: broker.url, devices: 50 });
  await uplinks.connected();
  return { sandbox, setup, child, uplinks };
}

async function terminate(child: BridgeChild): Promise<{ readonly code: number | null; readonly ms: number }> {
  const before = performance.now();
  child.signal('SIGTERM');
  return { code: await child.ended, ms: performance.now() - before };
}

/** The devices are known, a request has been taken by HERE, and no answer comes. */
async function hangInBatch(sandbox: Sandbox, child: BridgeChild, uplinks: Uplinks): Promise<void> {
  uplinks.publish(50);
  await uplinks.allAcked();
  await settledLedger(child, 'a', 50);
  sandbox.addFault({ name: 'hang', path: '/v3/batch' });
  uplinks.publish(50);
  await uplinks.allAcked();
  await until('a request hangs', () => sandbox.faults().some(({ struck }) => struck > 0));
}

async function underLoad(kind: TestBroker['kind']): Promise<void> {
  const { sandbox, setup, child, uplinks } = await stage(await useBroker(kind), {
    faults: [{ name: 'slow', delayMs: 150, path: '/v3/batch' }],
  });
  uplinks.start(800);
  await until('uplinks go to HERE', () => sandbox.stats().acceptedRecords > 500);
  const { code, ms } = await terminate(child);
  console.log(`${kind}: ended with ${code} after ${Math.round(ms)} ms under 800 uplinks/s`);
  expect(code, child.output).toBe(0);
  expect(ms).toBeLessThan(10_000);
  uplinks.pause();
  const unsure = new Set([...uplinks.ackedAt.keys()].filter((n) => uplinks.ackedAt[n] === 0));

  const again = new BridgeChild(setup);
  await again.start();
  await uplinks.allAcked();
  await settledLedger(again, 'a', uplinks.acked);
  const arrivals = uplinks.arrivals(sandbox);
  expect(uplinks.missing(arrivals)).toEqual([]);
  // What was in flight was settled: nothing is sent twice, but what a publisher repeats whose acknowledgement was cut off.
  console.log(`${kind}: ${arrivals.doubled.length} doubled, ${unsure.size} were not acknowledged at the end`);
  expect(arrivals.doubled.filter((n) => !unsure.has(n))).toEqual([]);
  expect(arrivals.outOfOrder).toEqual([]);
  // The token is the one from before.
  expect(sandbox.account(sandbox.email).logIns).toBe(1);
}

describe('SIGTERM', () => {
  test('under load: what was in flight is settled once, the rest goes after the next start', () =>
    underLoad('embedded'));

  test('while HERE hangs: it ends with 0 within 10 s, and nothing is lost', async () => {
    const { sandbox, setup, child, uplinks } = await stage(await useBroker('embedded'));
    await hangInBatch(sandbox, child, uplinks);
    const { code, ms } = await terminate(child);
    console.log(`HERE hangs in a batch: ended with ${code} after ${Math.round(ms)} ms`);
    expect(code, child.output).toBe(0);
    expect(ms).toBeLessThan(10_000);
    expect(ms).toBeGreaterThan(3000);
    sandbox.removeFault();
    const again = new BridgeChild(setup);
    await again.start();
    await settledLedger(again, 'a', uplinks.acked);
    expect(uplinks.missing(uplinks.arrivals(sandbox))).toEqual([]);
  });

  test('while HERE hangs in the log-in: it ends with 0 within 10 s', async () => {
    const faults = [{ name: 'hang', path: '/users' }] as const;
    const { child } = await stage(await useBroker('embedded'), { faults }, 'AUTHENTICATING');
    const { code, ms } = await terminate(child);
    console.log(`HERE hangs in the log-in: ended with ${code} after ${Math.round(ms)} ms`);
    expect(code, child.output).toBe(0);
    expect(ms).toBeLessThan(10_000);
  });

  test('twice: the second one ends it at once', async () => {
    const { sandbox, child, uplinks } = await stage(await useBroker('embedded'));
    await hangInBatch(sandbox, child, uplinks);
    child.signal('SIGTERM');
    // It has heard the first one when it takes no more.
    await until('it stops', () => hasNoAdmin(child));
    await new Promise((resolve) => setTimeout(resolve, 120));
    const { code, ms } = await terminate(child);
    expect(code).toBe(143);
    expect(ms).toBeLessThan(1000);
  });

  test('before it has found its broker: it ends with 0 at once', async () => {
    const url = 'mqtt://127.0.0.1:9';
    const broker: TestBroker = { kind: 'mosquitto', url, setting: { kind: 'mqtt', url } };
    const child = new BridgeChild({
      dataDir: temporaryFolder(),
      broker,
      services: { here: { url: 'http://127.0.0.1:9' } },
    });
    const run = child.run();
    await until('it waits', () => child.output.includes('Waiting for the broker'));
    const { code, ms } = await terminate(child);
    expect(code).toBe(0);
    expect((await run).err).toBe('here-bridge: Stopped while waiting for the broker.\n');
    expect(ms).toBeLessThan(2000);
  });
});

/** The admin interface is among the first to go. */
async function hasNoAdmin(child: BridgeChild): Promise<boolean> {
  try {
    await child.connection('a');
    return false;
  } catch {
    return true;
  }
}

describeWith('mosquitto', 'SIGTERM beside a Mosquitto', () => {
  test('under load: what was in flight is settled once, the rest goes after the next start', () =>
    underLoad('mosquitto'));

  test('while the broker and HERE hang: it ends with 0 within 10 s', async () => {
    const mosquitto = await useBroker('mosquitto');
    const proxy = await TcpProxy.start(Number(new URL(mosquitto.url).port));
    onTestFinished(() => proxy.stop());
    const url = `mqtt://127.0.0.1:${proxy.port}`;
    const { sandbox, child, uplinks } = await stage({ kind: 'mosquitto', url, setting: { kind: 'mqtt', url } });
    await hangInBatch(sandbox, child, uplinks);
    proxy.freeze();
    const { code, ms } = await terminate(child);
    console.log(`the broker and HERE hang: ended with ${code} after ${Math.round(ms)} ms`);
    expect(code, child.output).toBe(0);
    expect(ms).toBeLessThan(10_000);
  });
});
