// Deliveries of drawn batches to a HERE that answers whatever it likes: the final words, the order per device, the number of requests.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RequestOutcome } from '../../src/domain/ports/here.ts';
import { answer, type ModelProject, modelProject } from '../support/model-project.ts';
import { setUp } from './deliver-support.ts';

type Records = readonly string[];
const seqOf = (record: string): number => Number(record.slice(1));
const refused = (status: 400 | 404, hint: number | null): RequestOutcome => {
  return { kind: 'refused', unknownDevice: status === 404, hint, answer: answer(status) };
};

/**
 * What HERE makes of a request. `honest` and `hinting`: it takes what is in order, and names no record or the one at fault. The
 * others have no reason in the records; `lost`: it takes them and its answer gets lost.
 */
const MOODS = ['honest', 'hinting', 'refused', 'unknown', 'tooLarge', 'retry', 'lost'] as const;

const drawn = fc.record({
  count: fc.integer({ min: 1, max: 120 }),
  devices: fc.integer({ min: 1, max: 40 }),
  createsDevices: fc.boolean(),
  /** Uplinks that HERE refuses. Together with the moods fewer than are held back as a refused fleet. */
  bad: fc.uniqueArray(fc.integer({ min: 1, max: 120 }), { maxLength: 8 }),
  /** Devices that HERE does not know until it was asked for them so many times. */
  strangers: fc.dictionary(
    fc.integer({ min: 0, max: 39 }).map((n) => `d${n}`),
    fc.integer({ min: 1, max: 8 }),
    { maxKeys: 5 },
  ),
  moods: fc.array(fc.constantFrom(...MOODS), { maxLength: 25, size: 'max' }),
  maxRecords: fc.integer({ min: 1, max: 150 }),
  /** Requests on their way at a time. */
  atOnce: fc.integer({ min: 1, max: 3 }),
});
type Drawn = typeof drawn extends fc.Arbitrary<infer T> ? T : never;

/** A HERE of such moods, which writes down what it has said: the line's words are judged by that. */
class MoodyHere {
  readonly project: ModelProject;
  /** Each record at each time that HERE took it; also where the answer got lost. */
  readonly arrived: string[] = [];
  /** How often HERE was asked to get to know a device. */
  readonly asked = new Map<string, number>();
  readonly #saidAlone = new Map<string, number[]>();
  readonly #drawn: Drawn;
  #turn = 0;

  constructor(what: Drawn) {
    this.#drawn = what;
    this.project = modelProject({ judge: (records) => this.#judge(records) });
  }

  deviceOf(seq: number): string {
    return `d${seq % this.#drawn.devices}`;
  }

  /** The statuses by which HERE has refused a record that it was sent alone: only these are about it. */
  saidAlone(seq: number): readonly number[] {
    return this.#saidAlone.get(`r${seq}`) ?? [];
  }

  /** HERE did not know the device of a record that it was sent alone. */
  hasDenied(device: string): boolean {
    return [...this.#saidAlone].some(([record, said]) => this.deviceOf(seqOf(record)) === device && said.includes(404));
  }

  #judge(records: Records): RequestOutcome | null {
    const mood = this.#drawn.moods[this.#turn++] ?? 'honest';
    const outcome = this.#outcome(mood, records);
    if (outcome === null || (mood === 'lost' && outcome.kind === 'retry')) this.arrived.push(...records);
    const [only] = records;
    if (only !== undefined && records.length === 1 && (outcome?.kind === 'refused' || outcome?.kind === 'tooLarge')) {
      this.#saidAlone.set(only, [...(this.#saidAlone.get(only) ?? []), outcome.answer.status]);
    }
    return outcome;
  }

  #outcome(mood: (typeof MOODS)[number], records: Records): RequestOutcome | null {
    const silence: RequestOutcome = { kind: 'retry', cause: 'timeout', afterMs: null, answer: answer(0) };
    if (mood === 'retry') return silence;
    if (mood === 'tooLarge') return { kind: 'tooLarge', answer: answer(413) };
    if (mood === 'refused' || mood === 'unknown') return refused(mood === 'unknown' ? 404 : 400, null);
    const at = records.findIndex((record) => this.#isBad(record) || this.#isStrange(record));
    const fault = records[at];
    if (fault !== undefined) return refused(this.#isBad(fault) ? 400 : 404, mood === 'hinting' ? at : null);
    return mood === 'lost' ? silence : null;
  }

  #isBad(record: string): boolean {
    return this.#drawn.bad.includes(seqOf(record));
  }

  #isStrange(record: string): boolean {
    const device = this.deviceOf(seqOf(record));
    return (this.asked.get(device) ?? 0) < (this.#drawn.strangers[device] ?? 0);
  }
}

/** How many uplinks, the one at fault, and of how many devices they are. */
const batch = fc
  .integer({ min: 1, max: 500 })
  .chain((n) => fc.tuple(fc.constant(n), fc.integer({ min: 1, max: n }), fc.integer({ min: 1, max: n })));

/** How many of such a batch HERE does not get for it: behind an uplink of an unknown device the device's others are skipped with it. */
function leftOut([n, bad, devices]: readonly [number, number, number], status: 400 | 404): number {
  return status === 400 ? 1 : 1 + Math.floor((n - bad) / devices);
}

describe('a delivery', () => {
  it('gives every uplink one final word, which is what HERE has said of it, and keeps the order per device', async () => {
    const words = new Set<string>();
    const property = fc.asyncProperty(drawn, async (what) => {
      const here = new MoodyHere(what);
      const { count, createsDevices } = what;
      const line = setUp(count, createsDevices, (seq) => here.deviceOf(seq));
      for (let round = 0; line.room.count > 0; round++) {
        expect(round).toBeLessThan(500);
        const sending = Array.from({ length: what.atOnce }, () => line.send(here.project, what.maxRecords));
        for (const { kind } of await Promise.all(sending)) expect(['done', 'retry']).toContain(kind);
        expect(line.settled.size + line.room.count).toBe(count);
        for (const device of line.unknown.splice(0)) {
          if (createsDevices) here.asked.set(device, (here.asked.get(device) ?? 0) + 1);
          line.room.release(device);
        }
      }

      const yes = new Map<string, number>();
      for (const record of here.project.accepted) yes.set(record, (yes.get(record) ?? 0) + 1);
      for (const [seq, outcome] of line.settled) {
        const said = here.saidAlone(seq);
        expect(yes.get(`r${seq}`) ?? 0).toBe(outcome.kind === 'delivered' ? 1 : 0);
        if (outcome.kind === 'deadLettered') {
          expect(said.at(-1)).toBe(outcome.detail.status);
          // A device that HERE says to create is asked for again, but not for ever.
          if (outcome.detail.status === 404) expect(said.filter((status) => status === 404)).toHaveLength(6);
          words.add(`dead letter by ${outcome.detail.status}`);
        } else if (outcome.kind === 'skipped') {
          const isDenied = here.hasDenied(here.deviceOf(seq));
          expect([createsDevices, outcome.reason, isDenied]).toEqual([false, 'unknownDevice', true]);
          words.add('skipped');
        } else if (said.includes(404)) words.add('delivered after a 404');
        else words.add('delivered');
      }

      // HERE may get a record again (its answer got lost), but sees no device go back in time at a first arrival.
      const last = new Map<string, number>();
      for (const seq of new Set(here.arrived.map(seqOf))) {
        const device = here.deviceOf(seq);
        expect(seq).toBeGreaterThan(last.get(device) ?? 0);
        last.set(device, seq);
      }
    });
    await fc.assert(property, { numRuns: 300 });
    // All of it was met with: else the property says less than its name.
    expect([...words].sort()).toEqual(
      [
        'dead letter by 400',
        'dead letter by 404',
        'dead letter by 413',
        'delivered',
        'delivered after a 404',
        'skipped',
      ].sort(),
    );
  });

  it('finds the only record at fault in at most 2·log2(n)+2 further requests, wherever it stands, hint or none', async () => {
    const property = fc.asyncProperty(
      batch,
      fc.boolean(),
      fc.constantFrom(400 as const, 404 as const),
      async ([n, bad, devices], withHint, status) => {
        const line = setUp(n, false, (seq) => `d${seq % devices}`);
        const judge = (records: Records): RequestOutcome | null => {
          const at = records.indexOf(`r${bad}`);
          return at < 0 ? null : refused(status, withHint ? at : null);
        };
        const project = modelProject({ judge });
        expect(await line.send(project)).toEqual({ kind: 'done' });
        const further = project.requests.length - 1;
        expect(further).toBeLessThanOrEqual(2 * Math.log2(n) + 2);
        // The lone ones, what stands before it, itself, and what stands behind it.
        if (withHint) expect(further).toBeLessThanOrEqual(4);
        expect(line.settled.get(bad)?.kind).toBe(status === 404 ? 'skipped' : 'deadLettered');
        const taken = n - leftOut([n, bad, devices], status);
        expect(new Set(project.accepted).size).toBe(taken);
        expect(project.accepted).toHaveLength(taken);
        expect(line.settled.size).toBe(n);
      },
    );
    await fc.assert(property, { numRuns: 300 });
  });

  it('finds it in five requests more at most where the hints are wrong, whichever record they name', async () => {
    const hints = {
      none: () => null,
      first: () => 0,
      last: (records: Records) => records.length - 1,
      before: (_records: Records, at: number) => Math.max(0, at - 1),
      behind: (records: Records, at: number) => Math.min(records.length - 1, at + 1),
      any: (records: Records, at: number) => (31 * at + 17 * records.length) % records.length,
    } satisfies Readonly<Record<string, (records: Records, at: number) => number | null>>;
    const property = fc.asyncProperty(
      batch,
      fc.constantFrom(...Object.keys(hints)) as fc.Arbitrary<keyof typeof hints>,
      fc.constantFrom(400 as const, 404 as const),
      async ([n, bad, devices], hint, status) => {
        const line = setUp(n, false, (seq) => `d${seq % devices}`);
        const judge = (records: Records): RequestOutcome | null => {
          const at = records.indexOf(`r${bad}`);
          return at < 0 ? null : refused(status, hints[hint](records, at));
        };
        const project = modelProject({ judge });
        expect(await line.send(project)).toEqual({ kind: 'done' });
        expect(project.requests.length - 1).toBeLessThanOrEqual(2 * Math.log2(n) + 2 + 5);
        expect(project.accepted).toHaveLength(n - leftOut([n, bad, devices], status));
        expect(line.settled.size).toBe(n);
      },
    );
    await fc.assert(property, { numRuns: 300 });
  });
});
