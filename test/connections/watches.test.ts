// What is told beside a connection's traffic: the licence's end, the device quota, uplinks that did not arrive, clock steps.
import { describe, expect, it } from 'vitest';
import { ClockWatch } from '../../src/connections/clock-watch.ts';
import { LicenceWatch } from '../../src/connections/licence-watch.ts';
import { OutcomeNews } from '../../src/connections/outcome-news.ts';
import type { NewEvent } from '../../src/domain/events.ts';
import { emptyLedger } from '../../src/domain/ledger.ts';
import type { ProjectLook } from '../../src/domain/ports/here.ts';
import type { DeadLetter } from '../../src/domain/ports/store.ts';
import { ManualClock, SeededChance, settle } from '../support/manual-clock.ts';
import { modelProject } from '../support/model-project.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

function watchLicence() {
  const clock = new ManualClock();
  const events: NewEvent[] = [];
  const state = new Map<string, string>();
  const expired: string[] = [];
  const found: { looks: number; look: ProjectLook } = {
    looks: 0,
    look: { kind: 'ok', licenceEndsAt: null, devices: null },
  };
  const store = {
    getState: (key: string) => state.get(key) ?? null,
    setState: (key: string, value: string | null) => void state.set(key, value ?? ''),
  };
  const make = () =>
    new LicenceWatch({
      connectionId: 'a',
      store,
      events: { emit: (event) => void events.push(event) },
      clock,
      chance: new SeededChance(),
      onExpired: (message) => void expired.push(message),
    });
  const project = (licenceEndsAt?: number, appId = 'app') =>
    modelProject({
      appId,
      ...(licenceEndsAt === undefined ? {} : { licenceEndsAt }),
      look: () => {
        found.looks += 1;
        return found.look;
      },
    });
  const run = async (watch: LicenceWatch, ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 10 * MINUTE) {
      await clock.advance(Math.min(10 * MINUTE, ms - passed));
      watch.tick();
      await settle(1);
    }
  };
  const told = () => events.map(({ kind, key }) => `${kind} ${key}`);
  return { clock, events, expired, found, make, project, run, told };
}

describe('the HERE licence', () => {
  it('is told to end 30, 7 and 1 days before, each once, also over restarts and openings', async () => {
    const { clock, found, make, project, run, told, events } = watchLicence();
    const endsAt = clock.now() + 40 * DAY;
    found.look = { kind: 'ok', licenceEndsAt: endsAt, devices: null };
    let watch = make();
    watch.opened(project(endsAt), true);
    await run(watch, 9 * DAY);
    expect(told()).toEqual([]);
    await run(watch, 3 * DAY);
    expect(told()).toEqual(['licenceEnding app:30']);
    expect(events[0]).toMatchObject({ severity: 'warning', details: { appId: 'app' } });
    watch.closed();
    watch.opened(project(endsAt), true);
    watch = make();
    watch.opened(project(endsAt), true);
    await run(watch, 20 * DAY);
    expect(told()).toEqual(['licenceEnding app:30']);
    await run(watch, 3 * DAY);
    expect(told()).toEqual(['licenceEnding app:30', 'licenceEnding app:7']);
    await run(watch, 4.9 * DAY);
    expect(told()).toEqual(['licenceEnding app:30', 'licenceEnding app:7', 'licenceEnding app:1']);
    expect(events.map(({ severity }) => severity)).toEqual(['warning', 'error', 'error']);
    // Renewed: the next end is news again.
    const renewed = endsAt + 365 * DAY;
    found.look = { kind: 'ok', licenceEndsAt: renewed, devices: null };
    await run(watch, 350 * DAY);
    expect(told().slice(3)).toEqual(['licenceEnding app:30']);
  });

  it('is looked at once a day, and when it ends; only the word of HERE ends it', async () => {
    const { clock, expired, found, make, project, run } = watchLicence();
    const endsAt = clock.now() + 3.4 * DAY;
    found.look = { kind: 'ok', licenceEndsAt: endsAt, devices: null };
    const watch = make();
    watch.opened(project(endsAt), true);
    await run(watch, 3.3 * DAY);
    expect(found.looks).toBeGreaterThanOrEqual(4);
    expect(found.looks).toBeLessThanOrEqual(5);
    const before = found.looks;
    await run(watch, 0.2 * DAY);
    expect(found.looks).toBeGreaterThan(before);
    expect(expired).toEqual([]);
    found.look = { kind: 'expired', message: 'ended' };
    await run(watch, 1.2 * DAY);
    expect(expired).toEqual(['ended']);
  });

  it('is asked about again in an hour when HERE does not answer, and not at all while closed', async () => {
    const { found, make, project, run } = watchLicence();
    found.look = { kind: 'unknown', message: 'no answer' };
    const watch = make();
    watch.opened(project(), true);
    await run(watch, 5 * HOUR);
    expect(found.looks).toBeGreaterThanOrEqual(4);
    expect(found.looks).toBeLessThanOrEqual(6);
    watch.closed();
    await run(watch, 2 * DAY);
    expect(found.looks).toBeLessThanOrEqual(6);
  });
});

describe('the device quota', () => {
  it('is told at 80 % and when used up, hourly looked at from one half on, and again after it has eased', async () => {
    const { found, make, project, run, told, events } = watchLicence();
    const quota = (provisioned: number, left: number): void => {
      found.look = { kind: 'ok', licenceEndsAt: null, devices: { provisioned, left } };
    };
    quota(60, 40);
    const watch = make();
    watch.opened(project(), true);
    await run(watch, 5 * HOUR);
    expect(found.looks).toBeGreaterThanOrEqual(4);
    quota(80, 20);
    await run(watch, 2 * HOUR);
    quota(78, 22);
    await run(watch, 2 * HOUR);
    expect(told()).toEqual(['deviceQuotaNearlyUsed app']);
    expect(events[0]?.message).toContain('80 of 100');
    quota(100, 0);
    await run(watch, 2 * HOUR);
    expect(told()).toEqual(['deviceQuotaNearlyUsed app', 'deviceQuotaUsedUp app']);
    quota(100, 900);
    await run(watch, 3 * DAY);
    quota(900, 100);
    await run(watch, 2 * DAY);
    expect(told().slice(2)).toEqual(['deviceQuotaNearlyUsed app']);
  });

  it('is no matter where the connection creates no devices, or HERE has not said', async () => {
    const { found, make, project, run, told } = watchLicence();
    found.look = { kind: 'ok', licenceEndsAt: null, devices: { provisioned: 99, left: 1 } };
    const watch = make();
    watch.opened(project(), false);
    await run(watch, 2 * DAY);
    expect(told()).toEqual([]);
    expect(found.looks).toBeLessThanOrEqual(3);
  });
});

describe('uplinks that did not arrive', () => {
  it('are told per reason with how many, once they have become more; what was there before is not', () => {
    const events: NewEvent[] = [];
    const before = { ...emptyLedger(), expired: { tooOld: 5 }, deadLettered: { refused: 2 } };
    const news = new OutcomeNews('a', { emit: (event) => void events.push(event) }, before);
    const letter = { reason: 'refused', detail: { message: 'lat is out of range.' } } as DeadLetter;
    const store = { deadLetters: () => [letter] };
    news.look(structuredClone(before), store);
    expect(events).toEqual([]);
    const after = { ...before, expired: { tooOld: 8, journalFull: 1 }, deadLettered: { refused: 3, notJson: 4 } };
    news.look(after, store);
    expect(events.map(({ kind, key, count }) => [kind, key, count])).toEqual([
      ['uplinksExpired', 'tooOld', 3],
      ['uplinksExpired', 'journalFull', 1],
      ['uplinksDeadLettered', 'refused', 1],
      ['uplinksDeadLettered', 'notJson', 4],
    ]);
    expect(events[2]?.message).toContain('HERE refused uplinks, lately: lat is out of range.');
    expect(events[3]?.message).toMatch(/no JSON\. They are kept as dead letters: here-bridge dead-letters ls a$/);
    // A replay takes some out; one that is refused again is news.
    news.look({ ...after, deadLettered: { refused: 1, notJson: 4 } }, store);
    expect(events).toHaveLength(4);
    news.look({ ...after, deadLettered: { refused: 2, notJson: 4 } }, store);
    expect(events.at(-1)).toMatchObject({ key: 'refused', count: 1 });
  });
});

describe('the clock of the machine', () => {
  it('is told to have been set, whichever way, and not while it only runs', async () => {
    const clock = new ManualClock();
    const events: NewEvent[] = [];
    const watch = new ClockWatch(clock, { emit: (event) => void events.push(event) });
    await clock.advance(DAY);
    clock.stepWall(1500);
    watch.look();
    expect(events).toEqual([]);
    clock.stepWall(HOUR);
    watch.look();
    clock.stepWall(-2 * HOUR);
    watch.look();
    watch.look();
    expect(events).toMatchObject([
      { kind: 'clockStepped', connectionId: null, key: 'forward', details: { stepMs: HOUR } },
      { kind: 'clockStepped', connectionId: null, key: 'back', details: { stepMs: -2 * HOUR } },
    ]);
    expect(events[0]?.message).toContain('set forward by 3600 s');
  });
});
