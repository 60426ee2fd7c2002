// Looks after the HERE licence of an open connection: says in time that it ends, and that the device quota is nearly used.
// HERE is asked anew once a day, and hourly while more than half of the quota is used; expiry is HERE's word, not the clock's.
import type { EventSink } from '../domain/events.ts';
import type { Chance, Clock } from '../domain/ports/clock.ts';
import type { HereProject, ProjectLook } from '../domain/ports/here.ts';
import type { ConnectionStore } from '../domain/ports/store.ts';

export interface LicenceWatchOptions {
  readonly connectionId: string;
  readonly store: Pick<ConnectionStore, 'getState' | 'setState'>;
  readonly events: EventSink;
  readonly clock: Clock;
  readonly chance: Chance;
  /** HERE says that the licence has ended. */
  readonly onExpired: (message: string) => void;
}

/** What was told already: so that a restart does not repeat it. */
interface Told {
  readonly appId: string;
  readonly endsAt: number | null;
  /** The smallest number of days that was told; null: none. */
  readonly days: number | null;
  readonly quota: 'plenty' | 'nearlyUsed' | 'used';
}

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const DAYS_BEFORE = [1, 7, 30] as const;
const NEARLY_USED = 0.8;
/** Below this a quota that was nearly used may be so again. */
const EASED = 0.75;
const HALF_USED = 0.5;
/** The first look, so that a fleet of connections that opens together does not ask together. */
const FIRST_LOOK_MS = 60_000;
const FIRST_SPREAD_MS = 540_000;
const KEY = 'licence';

export class LicenceWatch {
  readonly #options: LicenceWatchOptions;
  #told: Told;
  #endsAt: number | null = null;
  #project: HereProject | null = null;
  #createsDevices = true;
  /** Monotonic ms. */
  #lookAt = Number.POSITIVE_INFINITY;
  /** Wall-clock ms at which the next number of days is reached. */
  #judgeAt = Number.POSITIVE_INFINITY;
  #looking = new AbortController();

  constructor(options: LicenceWatchOptions) {
    this.#options = options;
    this.#told = toldFrom(options.store.getState(KEY));
  }

  /** The connection has opened (again). */
  opened(project: HereProject, createsDevices: boolean): void {
    const again = this.#project?.appId === project.appId;
    this.#project = project;
    this.#createsDevices = createsDevices;
    if (this.#told.appId !== project.appId) this.#told = { ...NOTHING, appId: project.appId };
    this.#endsAt = project.licenceEndsAt;
    this.#judgeEnd();
    if (!again) this.#lookIn(FIRST_LOOK_MS + this.#options.chance.random() * FIRST_SPREAD_MS);
  }

  /** It is open no more. */
  closed(): void {
    this.#project = null;
    this.#lookAt = Number.POSITIVE_INFINITY;
    this.#looking.abort();
  }

  /** Once a second. */
  tick(): void {
    if (this.#project === null) return;
    if (this.#options.clock.now() >= this.#judgeAt) this.#judgeEnd();
    if (this.#options.clock.monotonic() < this.#lookAt) return;
    this.#lookAt = Number.POSITIVE_INFINITY;
    void this.#look(this.#project);
  }

  async #look(project: HereProject): Promise<void> {
    const mine = new AbortController();
    this.#looking = mine;
    const found = await project.look(mine.signal).catch((): ProjectLook => ({ kind: 'unknown', message: '' }));
    if (mine.signal.aborted) return;
    if (found.kind === 'expired') {
      this.#options.onExpired(found.message);
      return;
    }
    if (found.kind === 'unknown') return this.#lookIn(HOUR_MS);
    this.#endsAt = found.licenceEndsAt;
    this.#judgeEnd();
    const used = found.devices === null || !this.#createsDevices ? 0 : this.#judgeQuota(found.devices);
    this.#lookIn(used > HALF_USED ? HOUR_MS : DAY_MS);
  }

  /** At the latest when the licence ends, as far as is known. */
  #lookIn(ms: number): void {
    const { clock, chance } = this.#options;
    const leftMs = this.#endsAt === null ? Number.POSITIVE_INFINITY : this.#endsAt - clock.now();
    const jittered = ms * (0.9 + chance.random() / 5);
    this.#lookAt = clock.monotonic() + (leftMs > 0 ? Math.min(jittered, leftMs + 1000) : jittered);
  }

  #judgeEnd(): void {
    const endsAt = this.#endsAt;
    this.#judgeAt = Number.POSITIVE_INFINITY;
    if (endsAt === null) return;
    const { clock, connectionId, events } = this.#options;
    const leftMs = endsAt - clock.now();
    const days = DAYS_BEFORE.find((each) => leftMs <= each * DAY_MS) ?? null;
    const next = DAYS_BEFORE.findLast((each) => leftMs > each * DAY_MS);
    if (next !== undefined) this.#judgeAt = endsAt - next * DAY_MS;
    const toldDays = this.#told.endsAt === endsAt ? this.#told.days : null;
    const isNews = days !== null && leftMs > 0 && (toldDays === null || days < toldDays);
    if (isNews) {
      const date = new Date(endsAt).toISOString().slice(0, 10);
      const left = days === 1 ? 'within a day' : `in ${Math.ceil(leftMs / DAY_MS)} days`;
      events.emit({
        kind: 'licenceEnding',
        severity: days === 30 ? 'warning' : 'error',
        connectionId,
        key: `${this.#told.appId}:${days}`,
        message: `The HERE licence of project ${this.#project?.projectName ?? this.#told.appId} ends ${left} (${date}). Renew it: after that the connection is held and its uplinks wait.`,
        details: { appId: this.#told.appId, endsAt: new Date(endsAt).toISOString() },
      });
    }
    this.#keep({ ...this.#told, endsAt, days: isNews ? days : toldDays });
  }

  /** Answers the share that is used. */
  #judgeQuota({ provisioned, left }: { readonly provisioned: number; readonly left: number }): number {
    const total = provisioned + left;
    const used = total === 0 ? 0 : provisioned / total;
    const before = this.#told.quota;
    const now =
      left === 0 && total > 0
        ? 'used'
        : used >= NEARLY_USED || (before !== 'plenty' && used >= EASED)
          ? 'nearlyUsed'
          : 'plenty';
    if (now === before) return used;
    this.#keep({ ...this.#told, quota: now });
    if (now === 'plenty' || before === 'used') return used;
    const { connectionId, events } = this.#options;
    const name = this.#project?.projectName ?? this.#told.appId;
    const kind = now === 'used' ? 'deviceQuotaUsedUp' : 'deviceQuotaNearlyUsed';
    const message =
      now === 'used'
        ? `The device quota of HERE project ${name} is used up (${provisioned} devices): uplinks of new devices will wait. Ask HERE for more, or remove devices there.`
        : `${provisioned} of ${total} devices of the quota of HERE project ${name} are used. Ask HERE for more before it is used up.`;
    const severity = now === 'used' ? 'error' : 'warning';
    events.emit({ kind, severity, connectionId, key: this.#told.appId, message, details: { provisioned, left } });
    return used;
  }

  #keep(told: Told): void {
    if (JSON.stringify(told) === JSON.stringify(this.#told)) return;
    this.#told = told;
    try {
      this.#options.store.setState(KEY, JSON.stringify(told));
    } catch {
      // Told once more after a restart.
    }
  }
}

const NOTHING: Told = { appId: '', endsAt: null, days: null, quota: 'plenty' };

function toldFrom(text: string | null): Told {
  try {
    return text === null ? NOTHING : { ...NOTHING, ...(JSON.parse(text) as Partial<Told>) };
  } catch {
    return NOTHING;
  }
}
