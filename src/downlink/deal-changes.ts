// Deals changed shadows out: each to the connection that heard the device last, and only there; the others are kept for theirs.
import type { ShadowChange, ShadowStore } from '../domain/ports/downlink.ts';
import type { HereProject } from '../domain/ports/here.ts';
import type { ProjectShadows } from './project-shadows.ts';

/** What HERE's clock says now, and how much it is ahead of ours, ms. */
export interface HereTime {
  readonly hereNow: number;
  readonly offsetMs: number;
}

/** A connection as the watch sees it. */
export interface WatchMember {
  readonly connectionId: string;
  readonly project: HereProject;
  /** Since when it has commands, HERE's ms. */
  sinceAt(offsetMs: number): number;
  /** Returns how many were new, once they are committed; throws when the disk refuses. */
  onChanges(changes: readonly ShadowChange[], time: HereTime): number;
  /** All that was desired before (HERE's ms) has been handed on. */
  onPolled(before: number): void;
  /** Devices of which HERE is to be asked whether it has what it was told. */
  toAsk(): readonly string[];
  onReported(device: string, version: number | null): void;
  onRefused(message: string): void;
  onHeardAgain(): void;
  onTrouble(message: string): void;
}

export interface Deal extends HereTime {
  readonly shadows: ProjectShadows;
  readonly store: ShadowStore;
  readonly members: ReadonlyMap<string, WatchMember>;
  /** What was desired before is too old for anybody. HERE's ms. */
  readonly oldest: number;
}

/** Returns how many were new to their connections. */
export function deal(changes: readonly ShadowChange[], { shadows, store, members, oldest, ...time }: Deal): number {
  const dealt = new Map<WatchMember, ShadowChange[]>();
  const kept: ShadowChange[] = [];
  for (const change of changes) {
    const member = members.get(shadows.served.connectionOf(change.device) ?? '');
    if (member !== undefined) {
      const list = dealt.get(member);
      if (list === undefined) dealt.set(member, [change]);
      else list.push(change);
    } else if (change.desiredAt >= oldest && !isHandled(change, shadows, store)) kept.push(change);
  }
  let fresh = 0;
  for (const [member, list] of dealt) fresh += member.onChanges(list, time);
  shadows.keepWaiting(kept);
  const stale = [...shadows.waiting.values()].filter(({ desiredAt }) => desiredAt < oldest);
  if (stale.length > 0) shadows.dropWaiting(stale.map(({ device }) => device));
  return fresh;
}

/** Another connection of this process has taken it. */
function isHandled({ device, version, desiredAt }: ShadowChange, shadows: ProjectShadows, store: ShadowStore): boolean {
  const before = store.handled(shadows.key, device);
  return before !== null && before.version >= version && before.desiredAt >= desiredAt;
}
