// A model of HERE's shadows at the port: what applications desire, what devices report, and the list of what changed last. Its
// servers' clocks differ a little from each other, and all of them from the bridge's.
import type { ShadowCalls, ShadowChange, ShadowPage } from '../../../src/domain/ports/downlink.ts';
import type { Dice } from '../dice.ts';
import { type Life, never } from '../life.ts';
import type { SimTime } from '../time.ts';

interface Shadow {
  payload: unknown;
  settings: Record<string, unknown>;
  version: number;
  /** HERE's ms. */
  desiredAt: number;
  reported: number | null;
}

export interface ShadowModelOptions {
  readonly time: SimTime;
  readonly dice: Dice;
  /** HERE's clock against the world's, ms. */
  readonly skewMs: number;
  /** How far the clocks of its servers are apart at most, ms: below what the bridge looks back. */
  readonly jitterMs: number;
  /** A device tells that it has seen this version. */
  readonly onReported: (device: string, version: number) => void;
}

export type Refusal = 'none' | 'list' | 'all' | 'later';

export class ShadowModel {
  /** What HERE does not give at the moment. */
  refusal: Refusal = 'none';
  readonly #o: ShadowModelOptions;
  readonly #shadows = new Map<string, Shadow>();

  constructor(options: ShadowModelOptions) {
    this.#o = options;
  }

  /** `payload` undefined: as it was; null: taken away. Answers the state version. */
  desire(device: string, payload: unknown, settings: Record<string, unknown> = {}): number {
    const before = this.#shadows.get(device);
    const shadow = before ?? { payload: null, settings: {}, version: 0, desiredAt: 0, reported: null };
    if (payload !== undefined) shadow.payload = payload;
    shadow.settings = { ...shadow.settings, ...settings };
    shadow.version += 1;
    const { dice, jitterMs } = this.#o;
    // Of one device no server goes back behind another.
    shadow.desiredAt = Math.max(shadow.desiredAt + 1, Math.floor(this.#now + dice.between(-jitterMs, jitterMs)));
    this.#shadows.set(device, shadow);
    return shadow.version;
  }

  /** Created anew: HERE counts its versions from 1 again. */
  recreate(device: string): void {
    const before = this.#shadows.get(device);
    if (before === undefined) return;
    this.#shadows.set(device, { ...before, payload: null, settings: {}, version: 0, reported: null });
  }

  report(device: string, version: number): void {
    const shadow = this.#shadows.get(device);
    if (shadow === undefined) return;
    shadow.reported = version;
    this.#o.onReported(device, version);
  }

  shadow(device: string): Readonly<Shadow> | null {
    return this.#shadows.get(device) ?? null;
  }

  /** As one process sees it. */
  callsOf(life: Life): ShadowCalls {
    return {
      page: (limit, token) =>
        this.#answer(life, 'list', () => {
          const sorted = this.#changes().sort((a, b) => b.desiredAt - a.desiredAt || (a.device < b.device ? -1 : 1));
          const from = token === null ? 0 : Number(token);
          const changes = sorted.slice(from, from + limit);
          const next = from + limit < sorted.length ? String(from + limit) : null;
          return { kind: 'ok', changes, oldestAt: changes.at(-1)?.desiredAt ?? null, next, hereNow: this.#told };
        }),
      some: (devices, after) =>
        this.#answer(life, 'some', () => {
          const changes = this.#changes().filter(
            ({ device, desiredAt }) => devices.includes(device) && (after === null || desiredAt >= after),
          );
          return { kind: 'ok', changes, oldestAt: null, next: null, hereNow: this.#told };
        }),
      desire: () => Promise.reject(new Error('applications desire by themselves')),
    };
  }

  /** What is asked for is read when the question has come, and the answer takes its time too. */
  #answer(life: Life, what: 'list' | 'some', read: () => ShadowPage): Promise<ShadowPage> {
    const { time, dice } = this.#o;
    if (!life.isLiving()) return never();
    return new Promise((resolve) => {
      time.after(dice.scaled(2, 300), () => {
        const page = this.#refused(what) ?? read();
        time.after(dice.scaled(2, 300), () => {
          if (life.isLiving()) resolve(page);
        });
      });
    });
  }

  #refused(what: 'list' | 'some'): ShadowPage | null {
    const answer = { status: 403, code: null, message: 'not in your plan', requestId: 'x' } as never;
    if (this.refusal === 'later') return { kind: 'retry', afterMs: null, answer };
    const isRefused = this.refusal === 'all' || (this.refusal === 'list' && what === 'list');
    return isRefused ? { kind: 'refused', answer } : null;
  }

  #changes(): ShadowChange[] {
    return [...this.#shadows]
      .filter(([, { version }]) => version > 0)
      .map(([device, { payload, settings, version, desiredAt, reported }]) => {
        const system = { ...settings, stateVersion: version };
        const document = JSON.stringify(payload === null ? { system } : { payload, system });
        return { device, version, desiredAt, document, reported };
      });
  }

  get #now(): number {
    return this.#o.time.wallMs + this.#o.skewMs;
  }

  /** Its `Date` has whole seconds. */
  get #told(): number {
    return Math.floor(this.#now / 1000) * 1000;
  }
}
