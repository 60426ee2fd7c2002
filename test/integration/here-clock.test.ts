// A day of an account on a manual clock that the client and the sandbox share; and steps of the client's wall clock.
import { expect, test } from 'vitest';
import { MemoryVault, never, openProject, record, until, useGateway } from '../here/support.ts';
import { ManualClock, SeededChance } from '../support/manual-clock.ts';
import { useSandbox } from '../support/sandbox.ts';

const HOUR = 3_600_000;

async function setUp() {
  const clock = new ManualClock();
  const sandbox = await useSandbox({ clock });
  sandbox.changeDevices(sandbox.appIds[0]!, 'claim', ['D1']);
  const vault = new MemoryVault();
  const gateway = useGateway({ url: sandbox.url, vault, clock, chance: new SeededChance(7) });
  const project = await openProject(gateway, sandbox, sandbox.appIds[0]);
  const refreshes = () => sandbox.account(sandbox.email).refreshes;
  const send = async () => (await project.send([record('D1')], never())).kind;
  return { clock, sandbox, vault, gateway, refreshes, send };
}

test('a quiet account renews its pair one to one and a half hours before the end, day after day, with one log-in', async () => {
  const { clock, sandbox, refreshes, send } = await setUp();
  for (let day = 1; day <= 5; day++) {
    const dueMs = clock.nextTimerMs ?? 0;
    expect(dueMs).toBeGreaterThanOrEqual(22.5 * HOUR);
    expect(dueMs).toBeLessThanOrEqual(23 * HOUR);
    await clock.advance(dueMs);
    await until(() => refreshes() === day, 'the renewal');
    expect(await send()).toBe('accepted');
  }
  expect(sandbox.account(sandbox.email)).toMatchObject({ logIns: 1, failedLogIns: 0 });
});

test.each([-HOUR, HOUR, -30 * 24 * HOUR, 30 * 24 * HOUR])(
  'a step of the wall clock by %i ms changes nothing',
  async (stepMs) => {
    const { clock, sandbox, refreshes, send } = await setUp();
    await clock.advance(5 * HOUR);
    clock.stepWall(stepMs);
    expect(await send()).toBe('accepted');
    expect(refreshes()).toBe(0);
    await clock.advance(clock.nextTimerMs ?? 0);
    await until(() => refreshes() === 1, 'the renewal');
    expect(await send()).toBe('accepted');
    expect(sandbox.account(sandbox.email).logIns).toBe(1);
  },
);

test('after a restart in a stepped wall clock the kept pair is used or renewed, without a log-in', async () => {
  for (const stepMs of [-2 * HOUR, 30 * HOUR]) {
    const { clock, sandbox, vault, gateway } = await setUp();
    await gateway.stop();
    clock.stepWall(stepMs);
    const project = await openProject(useGateway({ url: sandbox.url, vault, clock }), sandbox, sandbox.appIds[0]);
    expect(await project.send([record('D1')], never())).toMatchObject({ kind: 'accepted' });
    expect(sandbox.account(sandbox.email).logIns).toBe(1);
  }
});

test('a renewal that finds HERE away is tried again until it succeeds', async () => {
  const { clock, sandbox, refreshes, send } = await setUp();
  await sandbox.unplug();
  for (let index = 0; index < 3; index++) {
    await clock.advance(clock.nextTimerMs ?? 0);
    await until(() => clock.nextTimerMs !== null && clock.nextTimerMs > 10_000, 'the next try');
    expect(clock.nextTimerMs).toBeLessThanOrEqual(90_000);
  }
  await sandbox.plug();
  await clock.advance(clock.nextTimerMs ?? 0);
  await until(() => refreshes() === 1, 'the renewal');
  expect(await send()).toBe('accepted');
});
