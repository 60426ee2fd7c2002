// What the device heard, for `scan`: HERE finds the place from it. Access points in the order of the message; of more than
// 128 of a kind the strongest.
import { accessPoint, numberedAccessPoints } from './access-point.ts';
import type { Facts, ScanKind } from './facts.ts';
import type { Rule } from './rule.ts';

export interface Scan {
  readonly wlan: readonly Wlan[];
  readonly bt: readonly Bluetooth[];
}

export interface Wlan {
  readonly mac: string;
  /** dBm; NaN: not told. */
  readonly powrx: number;
}

export interface Bluetooth {
  readonly idKind: 'mac' | 'iBeaconId' | 'eddystoneId';
  readonly id: string;
  /** dBm. */
  readonly rss: number;
}

export interface ScanContext {
  readonly facts: Facts;
  readonly skip: ReadonlySet<string> | null;
  /** What became of the position: a place that was solved from the scan goes without it. */
  readonly position: 'none' | 'satellite' | 'solved' | 'old';
}

const MOST = 128;
const FEWEST = 2;

export const SCAN_RULES: readonly Rule<ScanContext, Scan>[] = [
  { name: 'heard-access-points', take: (context) => heard(context) },
];

function heard({ facts, position }: ScanContext): Scan | string {
  if (facts.heard.length === 0) return 'nothing heard is in the payload';
  if (position === 'solved') return 'the position was solved from it: never both';
  if (position === 'old') return 'the network repeats an old place for it: sensors only';
  const around = kindOfTechnology(facts.technology);
  const wlan = new Map<string, Wlan>();
  const bt = new Map<string, Bluetooth>();
  let why = 'no address of an access point (short beacon ids stay in the payload)';
  for (const { kind, value } of facts.heard) {
    const direct = accessPoint(value);
    const points =
      direct !== null || typeof value === 'string'
        ? [direct]
        : numberedAccessPoints(value).map((one) => accessPoint(one));
    for (const point of points) {
      if (point === null) continue;
      const { mac, iBeaconId, eddystoneId, rss } = point;
      const told = kind === 'unknown' ? (point.kind ?? around) : kind;
      if (told === 'unknown') why = 'neither names nor texts tell whether it is Wi-Fi or Bluetooth';
      else if (told === 'wifi') {
        const known = mac === null ? undefined : wlan.get(mac);
        if (mac !== null && !(known !== undefined && !(rss > known.powrx) && !Number.isNaN(known.powrx))) {
          wlan.set(mac, { mac, powrx: rss });
        }
      } else if (Number.isNaN(rss)) why = 'a Bluetooth device without the strength of its signal';
      else {
        const id = (iBeaconId ?? eddystoneId ?? mac) as string;
        const idKind = iBeaconId !== null ? 'iBeaconId' : eddystoneId !== null ? 'eddystoneId' : 'mac';
        const known = bt.get(id);
        if (known === undefined || rss > known.rss) bt.set(id, { idKind, id, rss });
      }
    }
  }
  if (wlan.size + bt.size === 0) return why;
  if (wlan.size + bt.size < FEWEST) return 'HERE places no device by a single access point';
  return {
    wlan: strongest([...wlan.values()], ({ powrx }) => (Number.isNaN(powrx) ? -200 : powrx)),
    bt: strongest([...bt.values()], ({ rss }) => rss),
  };
}

function kindOfTechnology(technology: string | null): ScanKind {
  if (technology === null) return 'unknown';
  if (/ble|bluetooth|beacon/i.test(technology)) return 'bluetooth';
  return /wi-?fi|wlan/i.test(technology) ? 'wifi' : 'unknown';
}

/** In their order, without the weakest of too many. */
function strongest<T>(list: readonly T[], strength: (one: T) => number): readonly T[] {
  if (list.length <= MOST) return list;
  const kept = new Set([...list].sort((a, b) => strength(b) - strength(a)).slice(0, MOST));
  return list.filter((one) => kept.has(one));
}

/** `,"scan":{…}` as HERE wants it. Addresses and base64 need no escaping. */
export function scanJson({ wlan, bt }: Scan): string {
  const parts: string[] = [];
  if (wlan.length > 0) {
    const entries = wlan.map(({ mac, powrx }) =>
      Number.isNaN(powrx) ? `{"mac":"${mac}"}` : `{"mac":"${mac}","powrx":${powrx}}`,
    );
    parts.push(`"wlan":[${entries.join(',')}]`);
  }
  if (bt.length > 0)
    parts.push(`"bt":[${bt.map((one) => `{"${one.idKind}":"${one.id}","rss":${one.rss}}`).join(',')}]`);
  return `,"scan":{${parts.join(',')}}`;
}
