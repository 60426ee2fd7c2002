// The independent bookkeeping: every uplink from its device to HERE, by what devices, broker and HERE saw of it. It knows
// nothing of the bridge's own counts.

import type { Check } from './check-names.ts';

export type UplinkKind =
  /** Has a record that HERE takes. */
  | 'telemetry'
  /** HERE refuses its record with 400. */
  | 'poison'
  | 'join'
  | 'mac'
  | 'notJson'
  /** Of a device that no matcher takes. */
  | 'noMatch'
  /** Of a device that HERE does not know, where the connection creates none. */
  | 'unknownDevice';

export interface Uplink {
  readonly connection: string;
  readonly device: string;
  readonly kind: UplinkKind;
  /** Wall-clock ms by the network: the record's timestamp. Grows per device. */
  readonly emittedAt: number;
  /** Uplinks of one lane (a device on one set of topics) keep their order. */
  readonly lane: string;
  /** Sent after the last fault, by a device that was quiet since the beginning and that HERE knows. */
  readonly isProbe: boolean;
  /** Simulated ms at which the broker had it; null: not yet. */
  publishedMs: number | null;
  /** When it was first handed to the bridge; null: not yet. */
  handedMs: number | null;
  /** Times that it was handed to the bridge; that the bridge said to have it; that its word was cut off by a crash. */
  handed: number;
  kept: number;
  unclear: number;
  /** Times that HERE took it, and when first. */
  arrivals: number;
  firstArrivalMs: number | null;
  /** When the bridge heard that HERE took it, as far as no end of a process has made it doubtful that it is written down. */
  heardMs: number[];
  /** Reasons that a further arrival may have: a lost answer, an end of the process before the commit. */
  excuses: number;
}

export class Witness {
  readonly uplinks: Uplink[] = [];
  /** By device and time of emission. */
  readonly #byRecord = new Map<string, Map<number, Uplink>>();
  readonly #lastOfLane = new Map<string, number>();
  readonly #violated: (check: Check, message: string, words: readonly string[]) => void;

  constructor(violated: (check: Check, message: string, words: readonly string[]) => void) {
    this.#violated = violated;
  }

  sent(options: Pick<Uplink, 'connection' | 'device' | 'kind' | 'emittedAt' | 'lane' | 'isProbe'>): Uplink {
    const uplink: Uplink = {
      ...options,
      publishedMs: null,
      handedMs: null,
      handed: 0,
      kept: 0,
      unclear: 0,
      arrivals: 0,
      firstArrivalMs: null,
      heardMs: [],
      excuses: 0,
    };
    this.uplinks.push(uplink);
    let ofDevice = this.#byRecord.get(uplink.device);
    if (ofDevice === undefined) {
      ofDevice = new Map();
      this.#byRecord.set(uplink.device, ofDevice);
    }
    ofDevice.set(uplink.emittedAt, uplink);
    return uplink;
  }

  /** The uplink that a HERE record was made of. */
  ofRecord(device: string, timestamp: number): Uplink | null {
    return this.#byRecord.get(device)?.get(timestamp) ?? null;
  }

  /** HERE took it. */
  arrived(uplink: Uplink, nowMs: number): void {
    uplink.arrivals += 1;
    const words = [uplink.device];
    if (uplink.kind !== 'telemetry') this.#violated('delivery', `${nameOf(uplink)} arrived, a ${uplink.kind}`, words);
    // Each copy that the bridge said to have is sent, and one of which its word was cut off may be; none that it refused.
    if (uplink.arrivals > Math.max(1, uplink.kept + uplink.unclear) + uplink.excuses) {
      this.#violated('duplicates', `${nameOf(uplink)} arrived ${uplink.arrivals} times without a reason`, words);
    }
    if (uplink.firstArrivalMs !== null) return;
    uplink.firstArrivalMs = nowMs;
    const last = this.#lastOfLane.get(uplink.lane) ?? 0;
    if (uplink.emittedAt < last) {
      this.#violated(
        'order',
        `${nameOf(uplink)} arrived after one of the device that is ${last - uplink.emittedAt} ms younger`,
        words,
      );
    } else this.#lastOfLane.set(uplink.lane, uplink.emittedAt);
  }

  /**
   * A process is gone: what may come again because of it. Answers heard from `sinceMs` on may not be written down: each is good
   * for one more arrival, and for no second one at the next end, since what comes again is heard again.
   */
  ended(sinceMs: number): void {
    for (const uplink of this.uplinks) {
      const sure = uplink.heardMs.filter((heardMs) => heardMs < sinceMs);
      uplink.excuses += uplink.heardMs.length - sure.length;
      uplink.heardMs = sure;
    }
  }
}

export function nameOf(uplink: Uplink): string {
  return `${uplink.connection}/${uplink.device}@${uplink.emittedAt}`;
}
