// Parts of a batch: what of it goes in which request when HERE has refused the whole.
import type { Item } from './waiting.ts';

export function recordsOf(items: readonly Item[]): string[] {
  const records: string[] = [];
  for (const item of items) for (const record of item.records) records.push(record);
  return records;
}

/**
 * A device's only uplinks, and those of devices with several: whose faults are found may take as many requests as there are
 * devices at fault, and one without a backlog does not wait for it. `named`, which HERE has found fault with, is with the
 * others. No lone ones where all are of one kind.
 */
export function loneApart(items: readonly Item[], named: Item | null) {
  const counts = new Map<string, number>();
  for (const { device } of items) counts.set(device, (counts.get(device) ?? 0) + 1);
  const isLone = (item: Item): boolean => item !== named && counts.get(item.device) === 1;
  const lone = items.filter(isLone);
  const others = items.filter((item) => !isLone(item));
  return others.some((item) => item !== named) ? { lone, others } : { lone: [], others: items };
}

export function halves(items: readonly Item[]): [readonly Item[], readonly Item[]] {
  const middle = items.length >> 1;
  return [items.slice(0, middle), items.slice(middle)];
}

/** The index of the item that holds record number `index` of the request; -1: none. */
export function itemOfRecord(items: readonly Item[], index: number): number {
  let first = 0;
  for (const [at, item] of items.entries()) {
    if (index >= first && index < first + item.records.length) return at;
    first += item.records.length;
  }
  return -1;
}
