// What all connections on one HERE project share: who serves which device, and the changes that wait for their connection.
import type { Cancel, Clock } from '../domain/ports/clock.ts';
import type { ServedDevice, ShadowChange, ShadowStore } from '../domain/ports/downlink.ts';
import { isObject } from './json.ts';
import { THINGPARK_ROUTE } from './route.ts';
import { ServedDevices, ServedRoom } from './served-devices.ts';

const SAVE_MS = 1_000;
const MAX_DRIVER = 1_000;
const MAX_SEEN = 10_000;
const BARE_ROUTES = ['chirpstack', 'thingsStack', THINGPARK_ROUTE];
/** As many as the store keeps. */
const MAX_WAITING = 10_000;

export class ProjectShadows {
  /** `host|appId` */
  readonly key: string;
  readonly served: ServedDevices;
  /** Changes of devices whose connection is not here (yet), by device. */
  readonly waiting = new Map<string, ShadowChange>();
  readonly #store: ShadowStore;
  readonly #clock: Clock;
  /** To be saved. */
  readonly #news = new Set<string>();
  /** The last driver of each id, or model, and its number, so that a driver that is known costs no text. */
  readonly #drivers = new Map<string, SeenDriver>();
  #timer: Cancel | null = null;
  readonly #onDropped: (count: number) => void;
  /** Changes dropped since the last telling, the latest time among them, and among those that were told: a look finds some again. */
  #dropped = 0;
  #droppedAt = Number.NEGATIVE_INFINITY;
  #toldAt = Number.NEGATIVE_INFINITY;
  /** Some devices are on other networks than ThingPark. */
  #hasRoutes = false;

  /** `onDropped`: so many changes found no room among those that wait. `room`: shared with other projects. */
  constructor(
    key: string,
    store: ShadowStore,
    clock: Clock,
    onDropped: (count: number) => void = () => {},
    room = new ServedRoom(),
  ) {
    this.key = key;
    this.served = new ServedDevices(room);
    this.#onDropped = onDropped;
    this.#store = store;
    this.#clock = clock;
    // Before all others, so that there is always a number for them.
    for (const bare of BARE_ROUTES) this.served.driverNumber(bare);
    try {
      this.#load();
    } catch (error) {
      // It is tried again: the room of what was read must not be lost.
      this.served.clear();
      throw error;
    }
  }

  #load(): void {
    this.#store.forEachServed(this.key, ({ device, connectionId, driver }) => {
      const number = driver === null ? 0 : this.served.driverNumber(driver);
      if (driver !== null && !driver.startsWith('{')) this.#hasRoutes = true;
      this.served.note(device, this.served.connectionNumber(connectionId), number);
    });
    for (const change of this.#store.unclaimed(this.key)) this.waiting.set(change.device, change);
  }

  /**
   * On the hot path. `connection`: its number in `served`. `driver`: the uplink's `DriverCfg`, or the device's route (a text).
   * Answers a change that waited for this connection.
   */
  heard(device: string, connection: number, driver: unknown): ShadowChange | null {
    if (this.served.note(device, connection, this.#driverNumber(driver, device))) {
      this.#news.add(device);
      this.#timer ??= this.#clock.after(SAVE_MS, () => this.save());
    }
    return this.waiting.size === 0 ? null : (this.waiting.get(device) ?? null);
  }

  keepWaiting(changes: readonly ShadowChange[]): void {
    const fresh = changes.filter(({ device, version, desiredAt }) => {
      const known = this.waiting.get(device);
      return known === undefined || known.version !== version || known.desiredAt !== desiredAt;
    });
    this.#store.saveUnclaimed(this.key, fresh);
    for (const change of fresh) this.waiting.set(change.device, change);
    const excess = this.waiting.size - MAX_WAITING;
    if (excess <= 0) return;
    // Looks bring the newest first, so the order of the map is not that of time. What is nearly in order is quickly sorted.
    for (const { device, desiredAt } of [...this.waiting.values()].sort(byAge).slice(0, excess)) {
      this.waiting.delete(device);
      if (desiredAt <= this.#toldAt) continue;
      this.#dropped += 1;
      this.#droppedAt = Math.max(this.#droppedAt, desiredAt);
    }
  }

  /** After a look at HERE. */
  tellDropped(): void {
    if (this.#dropped === 0) return;
    this.#onDropped(this.#dropped);
    this.#toldAt = this.#droppedAt;
    this.#dropped = 0;
  }

  dropWaiting(devices: readonly string[]): void {
    this.#store.dropUnclaimed(this.key, devices);
    for (const device of devices) this.waiting.delete(device);
  }

  /** Also before the process ends. What the disk refuses is tried again. */
  save(): void {
    this.#timer?.();
    this.#timer = null;
    if (this.#news.size === 0) return;
    const served: ServedDevice[] = [];
    for (const device of this.#news) {
      const connectionId = this.served.connectionOf(device);
      if (connectionId !== null) served.push({ device, connectionId, driver: this.served.driverOf(device) });
    }
    try {
      this.#store.saveServed(this.key, served);
      this.#news.clear();
    } catch {
      this.#timer = this.#clock.after(SAVE_MS, () => this.save());
    }
  }

  /** Gives its memory back, for it can be made anew from the store. False, and nothing is done: the disk does not take what is new. */
  close(): boolean {
    this.save();
    if (this.#news.size > 0) return false;
    this.served.clear();
    this.waiting.clear();
    this.#drivers.clear();
    return true;
  }

  #driverNumber(driver: unknown, device: string): number {
    if (typeof driver === 'string') {
      this.#hasRoutes = true;
      // With no number left for its way, the network alone is kept: a downlink that cannot find its way is refused.
      return this.served.driverNumber(driver) || this.served.driverNumber(driver.split(' ', 1)[0] as string);
    }
    const number = isObject(driver) ? this.#thingParkDriver(driver) : 0;
    return number === 0 && this.#hasRoutes ? this.#withoutRoute(device) : number;
  }

  #thingParkDriver(driver: { mod?: Named; app?: Named; id?: unknown }): number {
    const { mod, app, id } = driver;
    const key = typeof id === 'string' ? id : String(mod?.mId);
    const seen = this.#drivers.get(key);
    if (seen !== undefined && isSame(seen.mod, mod) && isSame(seen.app, app)) return seen.number;
    const text = JSON.stringify(driver);
    const number = text.length > MAX_DRIVER ? 0 : this.served.driverNumber(text);
    if (number !== 0 && (seen !== undefined || this.#drivers.size < MAX_SEEN))
      this.#drivers.set(key, { mod, app, number });
    return number;
  }

  /** An uplink of ThingPark without a driver leaves the known one, but not the way to the network that the device has left. */
  #withoutRoute(device: string): number {
    const kept = this.served.driverOf(device);
    return kept === null || kept.startsWith('{') ? 0 : this.served.driverNumber(THINGPARK_ROUTE);
  }
}

/** The first to go comes first, as in the store. */
function byAge(a: ShadowChange, b: ShadowChange): number {
  return a.desiredAt - b.desiredAt || (a.device < b.device ? 1 : -1);
}

interface Named {
  readonly pId?: unknown;
  readonly mId?: unknown;
  readonly ver?: unknown;
}

interface SeenDriver {
  readonly mod: Named | undefined;
  readonly app: Named | undefined;
  readonly number: number;
}

function isSame(a: Named | undefined, b: Named | undefined): boolean {
  return a?.pId === b?.pId && a?.mId === b?.mId && a?.ver === b?.ver;
}
