// When closed connections come back: the three strategies, and the health of their host.
import { describe, expect, it } from 'vitest';
import { HostHealth } from '../../src/connections/host-health.ts';
import { nextReconnectMs } from '../../src/connections/reconnect-strategy.ts';
import type { ReconnectStrategy } from '../../src/domain/connection.ts';
import { ManualClock, SeededChance } from '../support/manual-clock.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** The moments of the attempts of a connection that never opens, for a month at most. */
function attempts(strategy: ReconnectStrategy): number[] {
  const moments: number[] = [];
  for (let at = 0; at < 30 * DAY; ) {
    const ms = nextReconnectMs(strategy, at);
    if (ms === null) break;
    at += ms;
    moments.push(at);
  }
  return moments;
}

describe('reconnect strategies', () => {
  it('CALM: every 10 min for 12 h, hourly for a day, then closed', () => {
    const moments = attempts('CALM');
    expect(moments.filter((at) => at <= 12 * HOUR)).toHaveLength(72);
    expect(moments.filter((at) => at > 12 * HOUR)).toHaveLength(24);
    expect(moments.at(-1)).toBe(36 * HOUR);
  });

  it('NORMAL: every 5 min for 1 h, hourly for a day, daily without end', () => {
    const moments = attempts('NORMAL');
    expect(moments.filter((at) => at <= HOUR)).toHaveLength(12);
    expect(moments.filter((at) => at > HOUR && at <= 25 * HOUR)).toHaveLength(24);
    expect(nextReconnectMs('NORMAL', 3650 * DAY)).toBe(DAY);
  });

  it('AGGRESSIVE: every 3 min for 3 h, every 30 min for a week, hourly without end', () => {
    const moments = attempts('AGGRESSIVE');
    expect(moments.filter((at) => at <= 3 * HOUR)).toHaveLength(60);
    expect(moments.filter((at) => at > 3 * HOUR && at <= 3 * HOUR + 7 * DAY)).toHaveLength(336);
    expect(nextReconnectMs('AGGRESSIVE', 3650 * DAY)).toBe(HOUR);
  });
});

describe('the health of a host', () => {
  function make(): {
    clock: ManualClock;
    health: HostHealth;
    asked: string[];
    set: (healthy: boolean | Error) => void;
  } {
    const clock = new ManualClock();
    const asked: string[] = [];
    let answer: boolean | Error = false;
    const gateway = {
      isHealthy: async (service: string) => {
        asked.push(service);
        if (answer instanceof Error) throw answer;
        return answer;
      },
    };
    const health = new HostHealth({ gateway, clock, chance: new SeededChance() });
    return { clock, health, asked, set: (next) => (answer = next) };
  }

  it('is asked every 20 s while a connection is closed, and not at all otherwise', async () => {
    const { clock, health, asked } = make();
    await clock.advance(HOUR);
    expect(asked).toEqual([]);
    const cancel = health.watch('here', () => {});
    health.watch('here', () => {})();
    await clock.advance(5 * MINUTE);
    expect(asked).toHaveLength(15);
    cancel();
    await clock.advance(HOUR);
    expect(asked).toHaveLength(15);
    expect(clock.pendingTimers).toBe(0);
  });

  it('reopens all of the host at the first good answer: the first at once, the others over some seconds, ever faster', async () => {
    const { clock, health, asked, set } = make();
    const reopened: { id: number; at: number }[] = [];
    for (let id = 0; id < 100; id += 1) {
      health.watch('here', () => reopened.push({ id, at: clock.monotonic() }));
    }
    let elsewhere = 0;
    health.watch('other', () => (elsewhere += 1));
    set(new Error('refused'));
    await clock.advance(MINUTE);
    expect(reopened).toEqual([]);
    set(true);
    await clock.advance(20_000);
    // Asked 5 s after the first closed, then every 20 s.
    expect(reopened[0]).toEqual({ id: 0, at: 65_000 });
    expect(elsewhere).toBe(1);
    await clock.advance(20_000);
    expect(reopened.map(({ id }) => id)).toEqual(Array.from({ length: 100 }, (_, id) => id));
    const last = reopened.at(-1)?.at ?? 0;
    expect(last - 65_000).toBeGreaterThan(5_000);
    expect(last - 65_000).toBeLessThanOrEqual(10_000);
    const half = reopened[50]?.at ?? 0;
    expect(half - 65_000).toBeGreaterThan(last - half);
    const before = asked.length;
    await clock.advance(HOUR);
    expect(asked.length).toBe(before);
  });

  it('a thousand connections that failed together come back as a ramp, not as a burst', async () => {
    const { clock, health, set } = make();
    const reopened: number[] = [];
    for (let id = 0; id < 1000; id += 1) health.watch('here', () => reopened.push(clock.monotonic()));
    set(true);
    await clock.advance(30_000);
    expect(reopened).toHaveLength(1000);
    const from = reopened[0] as number;
    const perSecond = Array.from({ length: 10 }, (_, second) => {
      return reopened.filter((at) => Math.floor((at - from) / 1000) === second).length;
    });
    // The first alone, a few in its second, and never more than a fifth of all in one.
    expect(reopened.filter((at) => at < from + 100).length).toBeLessThan(5);
    expect(perSecond[0]).toBeLessThan(30);
    expect(Math.max(...perSecond)).toBeLessThan(210);
    for (const [second, count] of perSecond.entries()) {
      if (second > 0) expect(count).toBeGreaterThan(perSecond[second - 1] as number);
    }
  });
});
