import { describe, expect, it } from 'vitest';
import type { RequestOutcome } from '../../src/domain/ports/here.ts';
import { answer, modelProject } from '../support/model-project.ts';
import { refusing, setUp } from './deliver-support.ts';

describe('delivery', () => {
  it('narrows one bad record of 500 down in at most 2·log2(n)+2 further requests and delivers the others', async () => {
    for (const bad of [1, 2, 137, 250, 251, 499, 500]) {
      const line = setUp(500);
      const project = modelProject({ judge: refusing(new Set([`r${bad}`])) });
      expect(await line.send(project)).toEqual({ kind: 'done' });
      expect(project.requests.length - 1).toBeLessThanOrEqual(2 * Math.log2(500) + 2);
      expect([...line.settled.values()].filter((outcome) => outcome.kind === 'delivered')).toHaveLength(499);
      expect(line.settled.get(bad)).toMatchObject({ kind: 'deadLettered', reason: 'refused', detail: { status: 400 } });
      expect(new Set(project.accepted).size).toBe(499);
    }
  });

  it("uses HERE's hint about the record", async () => {
    const line = setUp(500);
    const project = modelProject({ judge: refusing(new Set(['r137']), true) });
    await line.send(project);
    expect(project.requests.length - 1).toBeLessThanOrEqual(3);
    expect(line.settled.size).toBe(500);
  });

  it('narrows an unknown device of a batch down within the same bound, also where a hint was wrong', async () => {
    /** How many further requests it takes at most, over bad records and hints of which `isTold` says whether they are given. */
    const most = async (isTold: (records: readonly string[]) => boolean): Promise<number> => {
      let requests = 0;
      for (const bad of [1, 2, 3, 137, 250, 251, 499, 500]) {
        for (const hint of [0, 100, 249, 499]) {
          const judge = (records: readonly string[]): RequestOutcome | null => {
            if (!records.includes(`r${bad}`)) return null;
            const told = hint < records.length && isTold(records) ? hint : null;
            return { kind: 'refused', unknownDevice: true, hint: told, answer: answer(404) };
          };
          const line = setUp(500);
          const project = modelProject({ judge });
          expect(await line.send(project)).toEqual({ kind: 'done' });
          requests = Math.max(requests, project.requests.length - 1);
          expect(line.settled.get(bad)).toEqual({ kind: 'skipped', reason: 'unknownDevice' });
          // And with it what comes behind it of its device.
          const skipped = 1 + Math.floor((500 - bad) / 50);
          const delivered = [...line.settled.values()].filter((outcome) => outcome.kind === 'delivered');
          expect(delivered).toHaveLength(500 - skipped);
        }
      }
      return requests;
    };
    const bound = 2 * Math.log2(500) + 2;
    expect(await most(() => false)).toBeLessThanOrEqual(bound);
    expect(await most((records) => records.length === 500)).toBeLessThanOrEqual(bound);
    // Where every hint is wrong the first is enough to see that.
    expect(await most(() => true)).toBeLessThanOrEqual(bound);
  });

  it('pays for hints that are always wrong in the first two batches only', async () => {
    /** Further requests of each of ten batches of 50 with one bad record each. */
    const costs = async (isHinting: boolean): Promise<number[]> => {
      const line = setUp(500, false, (seq) => `d${seq}`);
      const judge = (records: readonly string[]): RequestOutcome | null => {
        const at = records.findIndex((record) => Number(record.slice(1)) % 50 === 20);
        if (at < 0) return null;
        const hint = isHinting && at < records.length - 1 ? records.length - 1 : null;
        return { kind: 'refused', unknownDevice: false, hint, answer: answer(400) };
      };
      const project = modelProject({ judge });
      const each: number[] = [];
      for (let batch = 0; batch < 10; batch++) {
        const before = project.requests.length;
        expect(await line.send(project, 50)).toEqual({ kind: 'done' });
        each.push(project.requests.length - before - 1);
      }
      expect(line.settled.size).toBe(500);
      return each;
    };
    const [hinted, plain] = [await costs(true), await costs(false)];
    expect(hinted[0]).toBeGreaterThan(plain[0] as number);
    expect(hinted[1]).toBeGreaterThan(plain[1] as number);
    expect(hinted.slice(2)).toEqual(plain.slice(2));
  });

  it('narrows ten bad records of 500 down in at most 10·(2·log2(500/10)+2) further requests; with hints in 3 each', async () => {
    // A device's records stand together in a batch.
    const ofOneDevice = Array.from({ length: 10 }, (_, i) => `r${50 * i + 7}`);
    const ofTen = Array.from({ length: 10 }, (_, i) => `r${300 + 5 * i}`);
    for (const bad of [ofOneDevice, ofTen]) {
      for (const withHint of [false, true]) {
        const line = setUp(500);
        const project = modelProject({ judge: refusing(new Set(bad), withHint) });
        expect(await line.send(project)).toEqual({ kind: 'done' });
        const bound = withHint ? 10 * 3 : 10 * (2 * Math.log2(500 / 10) + 2);
        expect(project.requests.length - 1).toBeLessThanOrEqual(bound);
        const dead = [...line.settled].filter(([, outcome]) => outcome.kind === 'deadLettered');
        expect(dead.map(([seq]) => `r${seq}`).sort()).toEqual([...bad].sort());
        expect(line.settled.size).toBe(500);
      }
    }
  });

  it('lets devices without a backlog go before the faults of others are found, within the same bound', async () => {
    // As they are taken from two heaps, they may stand before or behind those with a backlog.
    for (const first of [1, 496]) {
      for (const bad of [[1], [3], [300], [498], Array.from({ length: 30 }, (_, i) => 50 + 10 * i)]) {
        await lets(first, bad);
      }
    }
    async function lets(first: number, bad: readonly number[]): Promise<void> {
      const lone = Array.from({ length: 5 }, (_, i) => `r${first + i}`);
      const deviceOf = (seq: number): string => (lone.includes(`r${seq}`) ? `lone${seq}` : `d${seq % 45}`);
      for (const withHint of [false, true]) {
        const line = setUp(500, false, deviceOf);
        const project = modelProject({ judge: refusing(new Set(bad.map((seq) => `r${seq}`)), withHint) });
        expect(await line.send(project)).toEqual({ kind: 'done' });
        expect(line.settled.size).toBe(500);
        if (bad.length === 1) expect(project.requests.length - 1).toBeLessThanOrEqual(2 * Math.log2(500) + 2);
        else expect(project.requests[1]).toEqual(lone);
      }
    }
  });

  it('splits what is too large and tells the gate', async () => {
    const line = setUp(500);
    const project = modelProject({ limit: 100 });
    await line.send(project);
    expect(line.settled.size).toBe(500);
    expect(project.tooLargeCalls).toBeGreaterThan(0);
  });

  it('holds instead of dead-lettering a fleet when more than a fifth is refused', async () => {
    const line = setUp(500);
    const bad = new Set(Array.from({ length: 250 }, (_, i) => `r${2 * i + 1}`));
    const verdict = await line.send(modelProject({ judge: refusing(bad) }));
    expect(verdict.kind).toBe('hold');
    const dead = [...line.settled.values()].filter((outcome) => outcome.kind === 'deadLettered');
    expect(dead.length).toBeLessThanOrEqual(40);
    expect(line.room.count).toBe(500 - line.settled.size);
  });

  it.each([
    [403, 'account'],
    [404, 'requests'],
    [451, 'requests'],
  ])('says with which status HERE refuses all: %d', async (status, what) => {
    const line = setUp(10);
    const verdict = await line.send(modelProject({ judge: () => ({ kind: 'hold', answer: answer(status) }) }));
    const reason = `HERE refuses the ${what} (${status}): ${answer(status).message}`;
    expect(verdict).toEqual({ kind: 'hold', reason });
    expect([line.settled.size, line.room.count]).toEqual([0, 10]);
  });

  it('puts everything back that an unanswered request left open', async () => {
    const line = setUp(100);
    const retry = { kind: 'retry', cause: 'unavailable', afterMs: null, answer: answer(503) } as const;
    expect((await line.send(modelProject({ judge: () => retry }))).kind).toBe('retry');
    expect(line.settled.size).toBe(0);
    expect(line.room.count).toBe(100);
  });

  it('skips uplinks of a device that HERE does not know, or parks them where devices are created', async () => {
    const judge = (records: readonly string[]): RequestOutcome | null =>
      records.includes('r7') ? { kind: 'refused', unknownDevice: true, hint: null, answer: answer(404) } : null;
    const skipping = setUp(40);
    await skipping.send(modelProject({ judge }));
    expect(skipping.settled.get(7)).toEqual({ kind: 'skipped', reason: 'unknownDevice' });
    const creating = setUp(40, true);
    await creating.send(modelProject({ judge }));
    expect(creating.settled.size).toBe(39);
    expect(creating.unknown).toEqual(['d7']);
    expect(creating.room.count).toBe(1);
  });

  it('takes no request for each uplink of a device that HERE does not know and that is not created', async () => {
    // First, last, and in turn with those of others.
    const places = [(seq: number) => seq <= 250, (seq: number) => seq > 250, (seq: number) => seq % 2 === 0];
    for (const isStrange of places) {
      for (const withHint of [false, true]) {
        const line = setUp(500, false, (seq) => (isStrange(seq) ? 'stranger' : `d${seq % 50}`));
        const judge = (records: readonly string[]): RequestOutcome | null => {
          const at = records.findIndex((record) => isStrange(Number(record.slice(1))));
          return at < 0
            ? null
            : { kind: 'refused', unknownDevice: true, hint: withHint ? at : null, answer: answer(404) };
        };
        const project = modelProject({ judge });
        expect(await line.send(project)).toEqual({ kind: 'done' });
        expect(project.requests.length).toBeLessThanOrEqual(2 * Math.log2(500) + 4);
        expect(line.unknown).toEqual(['stranger']);
        expect(new Set(project.accepted).size).toBe(250);
        const skipped = [...line.settled].filter(([, { kind }]) => kind === 'skipped').map(([seq]) => seq);
        expect(skipped).toHaveLength(250);
        expect(skipped).toEqual(skipped.toSorted((a, b) => a - b));
        expect(skipped.every(isStrange)).toBe(true);
        expect(line.room.count).toBe(0);
      }
    }
  });

  it('asks about the rest of a batch at once when HERE knows none of several devices in a row', async () => {
    for (const withHint of [false, true]) {
      const judge = (records: readonly string[]): RequestOutcome => {
        const hint = withHint ? 0 : null;
        return { kind: 'refused', unknownDevice: records.length > 0, hint, answer: answer(404) };
      };
      const line = setUp(500, true);
      const project = modelProject({ judge });
      expect(await line.send(project)).toEqual({ kind: 'done' });
      expect(project.requests.length).toBeLessThanOrEqual(2 * Math.log2(500));
      expect(new Set(line.unknown).size).toBe(50);
      expect(line.settled.size).toBe(0);
      expect(line.room.count).toBe(500);
      // Once only: HERE's word on each of them counts from then on.
      const before = project.requests.length;
      for (const device of line.unknown) line.room.release(device);
      await line.send(project);
      expect(project.requests.length - before).toBeGreaterThan(50 - 3);
    }
  });

  it('goes on one by one while HERE takes records between the unknown devices', async () => {
    const bad = new Set(['r5', 'r10', 'r15', 'r20', 'r25', 'r30']);
    const judge = (records: readonly string[]): RequestOutcome | null => {
      const at = records.findIndex((record) => bad.has(record));
      return at < 0 ? null : { kind: 'refused', unknownDevice: true, hint: at, answer: answer(404) };
    };
    const line = setUp(50, true);
    await line.send(modelProject({ judge }));
    expect(line.settled.size).toBe(44);
    expect(line.unknown).toHaveLength(6);
  });
});
