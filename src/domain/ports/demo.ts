// The demo inside a running bridge: a simulated fleet, a simulated HERE Tracking, and the connections between them.

/** The service name under which the simulated HERE is known; definitions of the demo name it. */
export const DEMO_SERVICE = 'demo';

export interface DemoView {
  readonly state: 'off' | 'changing' | 'running';
  /** Its connections: made by starting it, deleted by removing it. */
  readonly connections: readonly string[];
  readonly devices: number;
  /** Uplinks a second, all devices together. */
  readonly ratePerSecond: number;
  /** Why it cannot be started here; null: it can. */
  readonly unavailable: string | null;
}

export type DemoOutcome =
  | { readonly kind: 'ok'; readonly view: DemoView }
  /** It cannot be had here, or not now: nothing is left of the attempt. */
  | { readonly kind: 'unavailable'; readonly message: string };

/** Changes happen one after the other; each is idempotent. */
export interface DemoControl {
  view(): DemoView;
  /** Resolves when its uplinks flow. */
  start(): Promise<DemoOutcome>;
  /** Everything of it goes, also what it has stored. */
  remove(): Promise<DemoOutcome>;
}
