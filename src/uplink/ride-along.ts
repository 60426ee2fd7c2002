// State versions ride on records: put into the record's text as it goes out, so that all other records cost nothing.
import type { StateVersions } from '../domain/ports/downlink.ts';
import type { Item } from './waiting.ts';

/** Puts into each item the version that its device owes HERE, in its last record. Keeps what an item has already. */
export function rideAlong(items: readonly Item[], versions: StateVersions | undefined): void {
  if (versions?.any !== true) return;
  for (const item of items) {
    if (item.version !== undefined) continue;
    const version = versions.dueFor(item.device, item.arrivedAt);
    if (version === null || item.records.length === 0) continue;
    item.version = version;
    item.records = [...item.records.slice(0, -1), withVersion(item.records.at(-1) as string, version)];
  }
}

/** HERE has accepted the item. */
export function told({ device, version }: Item, versions: StateVersions | undefined): void {
  if (version !== undefined) versions?.onTold(device, version);
}

const PAYLOAD = ',"payload":';
const SYSTEM = ',"system":{';

/**
 * The record with `system.stateVersion`. It is the mapping's own text (id, timestamp, position, system, payload), so the first
 * `,"payload":` ends what stands before: inside a JSON text the quotes would be escaped.
 */
export function withVersion(record: string, version: number): string {
  const payloadAt = record.indexOf(PAYLOAD);
  const end = payloadAt < 0 ? record.length - 1 : payloadAt;
  const systemAt = record.lastIndexOf(SYSTEM, end);
  if (systemAt >= 0) {
    const at = systemAt + SYSTEM.length;
    return `${record.slice(0, at)}"stateVersion":${version},${record.slice(at)}`;
  }
  return `${record.slice(0, end)}${SYSTEM}"stateVersion":${version}}${record.slice(end)}`;
}
