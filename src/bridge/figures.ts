// Notes the figures of running connections once a minute, keeps them in their stores, and answers what passed.

import { sumReasons } from '../domain/ledger.ts';
import type { Cancel, Clock } from '../domain/ports/clock.ts';
import type { ConnectionFigures, FiguresControl } from '../domain/ports/figures.ts';
import type { BridgeStore, ConnectionStore } from '../domain/ports/store.ts';
import type { DeviceActivity } from '../uplink/activity.ts';
import { FigureNotes } from './figure-notes.ts';
import type { Views } from './views.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** Minutes between two savings of a connection. */
const SAVE_EVERY = 5;
/** So many are counted quickly, and whoever has just started looks for the first ones. */
const FEW_DEVICES = 1_000;
const FEW_LAST_MS = 2_000;
const NOTES = 'figures';
const DEVICES = 'devicesHeard';

export interface FiguresOptions {
  readonly views: Views;
  readonly store: Pick<BridgeStore, 'setState' | 'commands'>;
  readonly clock: Clock;
}

interface Kept {
  readonly notes: FigureNotes;
  /** Another one: the connection was away meanwhile, and what its store remembers is to be read again. */
  readonly activity: DeviceActivity;
  /** In the last day: asked for each row of a list, so of many devices looked at once a minute. */
  activeAt: number;
  active: { readonly hour: number; readonly day: number };
}

export class FigureKeeper implements FiguresControl {
  readonly #o: FiguresOptions;
  readonly #kept = new Map<string, Kept>();
  #timer: Cancel = () => {};
  #minute = 0;

  constructor(options: FiguresOptions) {
    this.#o = options;
  }

  start(): void {
    this.#timer = this.#o.clock.after(MINUTE_MS, () => {
      this.#minute += 1;
      const now = this.#o.clock.now();
      let index = 0;
      for (const [id, { store }] of this.#o.views.lines) {
        this.#of(id, store).notes.note(now, this.#counts(id, store));
        index += 1;
        // Spread over the minutes: many connections would hold up the disk together.
        if ((index + this.#minute) % SAVE_EVERY === 0) this.save(id);
      }
      for (const id of this.#kept.keys()) if (!this.#o.views.lines.has(id)) this.#kept.delete(id);
      this.start();
    });
  }

  /** Before the stores close. */
  stop(): void {
    this.#timer();
    for (const id of this.#kept.keys()) this.save(id);
  }

  figures(id: string): ConnectionFigures | null {
    const live = this.#o.views.lines.get(id);
    if (live === undefined) return null;
    const now = this.#o.clock.now();
    const kept = this.#of(id, live.store);
    const counts = this.#counts(id, live.store);
    const [hour, day] = [kept.notes.of('hour', now, counts), kept.notes.of('day', now, counts)];
    return {
      uplinks: { hour: hour.received, day: day.received },
      downlinks: { hour: hour.downlinks, day: day.downlinks },
      activeThings: this.#active(id, kept, now),
    };
  }

  series(id: string, period: 'hour' | 'day') {
    const live = this.#o.views.lines.get(id);
    if (live === undefined) return null;
    const counts = this.#counts(id, live.store);
    return this.#of(id, live.store).notes.series(period, this.#o.clock.now(), counts);
  }

  devices(id: string, after: string | null, limit: number) {
    const live = this.#o.views.lines.get(id);
    if (live === undefined) return null;
    this.#of(id, live.store);
    return this.#activity(id).page(after, limit);
  }

  device(id: string, device: string) {
    const live = this.#o.views.lines.get(id);
    if (live === undefined) return null;
    this.#of(id, live.store);
    return this.#activity(id).get(device);
  }

  #activity(id: string): DeviceActivity {
    return this.#o.views.activity(id);
  }

  #active(id: string, kept: Kept, now: number): Kept['active'] {
    const activity = this.#activity(id);
    const lasts = activity.size > FEW_DEVICES ? MINUTE_MS : FEW_LAST_MS;
    if (kept.activeAt + lasts > now && kept.activeAt <= now) return kept.active;
    kept.activeAt = now;
    kept.active = { hour: activity.countSince(now - HOUR_MS), day: activity.countSince(now - DAY_MS) };
    return kept.active;
  }

  /** With what the store remembers, the first time. */
  #of(id: string, store: ConnectionStore): Kept {
    const known = this.#kept.get(id);
    const activity = this.#activity(id);
    if (known?.activity === activity) return known;
    const kept: Kept = {
      activity,
      notes: FigureNotes.from(store.getState(NOTES)),
      activeAt: Number.NEGATIVE_INFINITY,
      active: { hour: 0, day: 0 },
    };
    activity.load(store.getState(DEVICES) ?? '');
    kept.notes.note(this.#o.clock.now(), this.#counts(id, store));
    this.#kept.set(id, kept);
    return kept;
  }

  /** Since ever, in the order of FIGURES. */
  #counts(id: string, store: ConnectionStore): number[] {
    const { received, delivered, expired, filtered, skipped, deadLettered } = store.ledger();
    const reasons = [expired, filtered, skipped, deadLettered].map(sumReasons);
    return [received, delivered, ...reasons, this.#o.store.commands(id)?.ledger().published ?? 0];
  }

  /** What a disk refuses is saved the next time. */
  save(id: string): void {
    const kept = this.#kept.get(id);
    if (kept === undefined || !this.#o.views.lines.has(id)) return;
    const { activity } = kept;
    try {
      this.#o.store.setState(id, NOTES, kept.notes.text);
      if (activity.isChanged) this.#o.store.setState(id, DEVICES, activity.save());
    } catch {
      // A disk that refuses says so elsewhere; figures are for people.
    }
  }
}
