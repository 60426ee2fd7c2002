// What applications wanted, what the network got and what HERE was told, by books of their own; and what must hold of the three.
import { createHash } from 'node:crypto';

export type Wish = 'command' | 'bad' | 'setting' | 'removal';

/** One change of a desired shadow. */
export interface Desire {
  readonly device: string;
  readonly wish: Wish;
  /** What is in the payload's bytes; repeats share it. */
  readonly hex: string;
  readonly version: number;
  readonly atMs: number;
  /** It was desired while nobody was to take commands of the device. */
  readonly isUnwanted: boolean;
  /** A repeat, whose bytes do not tell it from another try, and of which the bridge may not have seen that it is one. */
  readonly isUnclear: boolean;
  /** Downlinks of it, by CorrelationID. */
  readonly copies: Map<string, Copies>;
  /** The device, or the network, has said its last word on it. */
  end: 'sent' | 'rejected' | 'givenUp' | null;
  /** Reports that it could not be sent, as the bridge heard them. */
  notSent: number;
  /** Uplinks of the device that the bridge heard after the network had it. */
  heardSince: number;
}

/** Of one version: once, and three times after reports that it could not be sent. */
const MOST_TRIES = 4;

interface Copies {
  readonly connection: string;
  readonly firstMs: number;
  count: number;
  /** So many more may come: their acknowledgement, or its commit, met the end of a process. */
  excuses: number;
}

export interface Downlink {
  readonly device: string;
  readonly hex: string;
  readonly correlationId: string;
  readonly connection: string;
}

export class CommandWitness {
  readonly desires: Desire[] = [];
  /** Their versions have begun anew: old ones may still be told for a while. */
  readonly recreated = new Set<string>();
  readonly #byDevice = new Map<string, Desire[]>();
  readonly #byCorrelation = new Map<string, Desire>();
  readonly #violated: (check: string, message: string, words: readonly string[]) => void;

  constructor(violated: (check: string, message: string, words: readonly string[]) => void) {
    this.#violated = violated;
  }

  desired(desire: Pick<Desire, 'device' | 'wish' | 'hex' | 'version' | 'atMs' | 'isUnwanted' | 'isUnclear'>): Desire {
    const noted: Desire = { ...desire, copies: new Map(), end: null, notSent: 0, heardSince: 0 };
    this.desires.push(noted);
    const own = this.#byDevice.get(desire.device);
    if (own === undefined) this.#byDevice.set(desire.device, [noted]);
    else own.push(noted);
    return noted;
  }

  ofDevice(device: string): readonly Desire[] {
    return this.#byDevice.get(device) ?? [];
  }

  /** Its shadow is empty, and counts anew. */
  recreate(device: string, atMs: number): void {
    this.recreated.add(device);
    this.desired({ device, wish: 'removal', hex: '', version: 0, atMs, isUnwanted: false, isUnclear: true });
  }

  /** The network got it. `servers`: connections that may serve the device now. Answers the desire that it is of. */
  published(
    { device, hex, correlationId, connection }: Downlink,
    servers: ReadonlySet<string>,
    nowMs: number,
  ): Desire | null {
    const words = [device, correlationId];
    const off = (what: string): null => {
      this.#violated('downlink', `${device} ${hex} ${correlationId} on ${connection}: ${what}`, words);
      return null;
    };
    const known = this.#byCorrelation.get(correlationId);
    const own = this.ofDevice(device);
    if (known !== undefined && (known.device !== device || known.hex !== hex))
      return off('its CorrelationID is of another');
    // A repeat has the same bytes: what the network could not send, once more; else the first one that is newer than that.
    const candidates = own.filter((each) => each.wish === 'command' && each.hex === hex);
    const before = candidates.findLastIndex(({ copies }) => copies.size > 0);
    const tried = candidates[before];
    const next = candidates[before + 1];
    const isSpent = tried?.copies.size === MOST_TRIES && next !== undefined;
    const isRetry = tried !== undefined && tried.copies.size <= tried.notSent && !isSpent;
    const desire = known ?? (isRetry ? tried : (next ?? tried));
    if (desire === undefined) return off('nobody desired it');
    if (desire.isUnwanted) return off('it was desired while there were no commands');
    if (!servers.has(connection)) return off('the connection does not serve the device');
    this.#byCorrelation.set(correlationId, desire);
    const copies = desire.copies.get(correlationId) ?? { connection, firstMs: nowMs, count: 0, excuses: 0 };
    desire.copies.set(correlationId, copies);
    copies.count += 1;
    if (copies.count > 1 + copies.excuses) off(`it came ${copies.count} times without a reason`);
    if (desire.copies.size > 1 + desire.notSent)
      off(`it has ${desire.copies.size} CorrelationIDs, and only ${desire.notSent} reports that it was not sent`);
    if (desire.copies.size > MOST_TRIES) off('it was tried more than four times');
    const later = own.findLast((each) => each !== desire && each.copies.size > 0);
    const isRepeat = copies.count > 1 || desire.copies.size > 1;
    if (!isRepeat && later !== undefined && own.indexOf(later) > own.indexOf(desire))
      off('a later one was published before it');
    return desire;
  }

  /** A process ended, or an acknowledgement was lost, while the bridge may not have committed these. */
  excuse(correlationId: string): void {
    const copies = this.#byCorrelation.get(correlationId)?.copies.get(correlationId);
    if (copies !== undefined) copies.excuses = copies.count;
  }

  ofCorrelation(correlationId: string): Desire | null {
    return this.#byCorrelation.get(correlationId) ?? null;
  }

  /** HERE is told that the device has seen a version. */
  reported(device: string, version: number): void {
    const desire = this.ofDevice(device).findLast((each) => each.version === version);
    const off = (what: string): void =>
      this.#violated('report', `${device} has told version ${version}: ${what}`, [device]);
    if (desire === undefined) off('there is no such version');
    else if (desire.wish !== 'command' || desire.isUnclear || this.recreated.has(device)) return;
    else if (desire.copies.size === 0) off('its command was not published');
    else if (desire.end !== 'sent' && desire.heardSince < 2) off('the device cannot have heard it');
  }
}

/** Two equal runs have equal books. */
export function fingerprint({ desires }: CommandWitness): string {
  const text = JSON.stringify(desires.map(({ copies, ...rest }) => [rest, [...copies]]));
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
