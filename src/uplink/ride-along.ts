// State versions ride on records: put into the record's text as it goes out, so that all other records cost nothing.
import type { StateVersions } from '../domain/ports/downlink.ts';
import type { Item } from './waiting.ts';

/**
 * Puts into each item the version that its device owes HERE, in its last record. Keeps what an item has already, unless that was
 * meant for another project than `project`: versions count by project.
 */
export function rideAlong(items: readonly Item[], versions: StateVersions | undefined, project: string): void {
  if (versions === undefined) return;
  const { any } = versions;
  for (const item of items) {
    if (item.rider !== undefined) {
      if (item.rider.project === project) continue;
      item.records = withLast(item.records, item.rider.bare);
      item.rider = undefined;
    }
    if (!any) continue;
    const version = versions.dueFor(item.device, item.arrivedAt);
    const bare = item.records.at(-1);
    if (version === null || bare === undefined) continue;
    item.rider = { version, project, bare };
    item.records = withLast(item.records, withVersion(bare, version));
  }
}

/** HERE has accepted the item. */
export function told({ device, rider }: Item, versions: StateVersions | undefined): void {
  if (rider !== undefined) versions?.onTold(device, rider.version);
}

function withLast(records: readonly string[], last: string): readonly string[] {
  return [...records.slice(0, -1), last];
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
