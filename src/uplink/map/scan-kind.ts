// Which kind of access points a scan holds, from names and from texts beside it.
import type { JsonObject } from '../values.ts';
import { FLAG } from './keys.ts';

/** What the walk knows of an object in its queue. */
export const IN = { pairs: 1, gnssFix: 2, scan: 4, wifi: 8, bluetooth: 16 } as const;

/** What a name tells of the kind of a scan wins over what is known from around it. */
export function scanOf(flags: number, inside: number): number {
  if ((flags & FLAG.bluetooth) !== 0) return IN.scan | IN.bluetooth;
  return (flags & FLAG.wifi) !== 0 ? IN.scan | IN.wifi : inside;
}

/** From a text such as `scanType: "BLE_BEACONS"` or `type: "wifi"`; 0: none. */
export function kindAround(object: JsonObject): number {
  for (const key in object) {
    const value = object[key];
    if (typeof value !== 'string' || value.length > 40 || !/type|tech|kind|mode|source|method/i.test(key)) continue;
    if (/ble|bluetooth|beacon/i.test(value)) return IN.bluetooth;
    if (/wi-?fi|wlan/i.test(value)) return IN.wifi;
  }
  return 0;
}
