// A detailed log of one connection for a while: it turns itself off.

export const MAX_DEBUG_HOURS = 48;

export interface DebugLine {
  /** ISO 8601. */
  readonly time: string;
  readonly what: 'uplink' | 'outcome' | 'status' | 'event' | 'leftOut';
  /** Secrets masked, texts cut. */
  readonly details: unknown;
}

export interface DebugView {
  /** ISO 8601; null: it is off. */
  readonly until: string | null;
  /** The latest, in order. */
  readonly lines: readonly DebugLine[];
}

export interface DebugControl {
  /** `hours` 0 turns it off. Throws when the disk refuses. */
  set(connectionId: string, hours: number): DebugView;
  view(connectionId: string): DebugView;
}
