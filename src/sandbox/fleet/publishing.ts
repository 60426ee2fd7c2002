// What both publishers of the fleet (MQTT and Kafka) take and say.
import type { Clock } from '../../domain/ports/clock.ts';
import type { FleetMessage, FleetMix } from './fleet.ts';
import type { FleetCounts } from './run.ts';

export interface PublishingOptions {
  readonly brokerUrl: string;
  readonly seed: number;
  readonly devices: number;
  readonly ratePerSecond: number;
  /** Ends after this time, or after so many messages, or when `stop` is called. */
  readonly forMs?: number;
  readonly total?: number;
  readonly tags?: readonly string[];
  readonly euiPrefix?: string;
  readonly mix?: Partial<FleetMix>;
  readonly drainMs?: number;
  /** How long to try for the first connection. 30,000 by default; a refused log-in fails at once. */
  readonly connectTimeoutMs?: number;
  readonly clock: Clock;
  readonly onAcknowledged?: (message: FleetMessage) => void;
  /** Each change of the connection after the first. */
  readonly onStatus?: (status: { readonly up: boolean; readonly reason?: string }) => void;
}

export const CONNECT_TIMEOUT_MS = 30_000;
/** Of a run that has not begun. */
export const NO_COUNTS: FleetCounts = { published: 0, acknowledged: 0, failed: 0 };

/** The broker could not be reached in time (`brokerUnreachable`) or refused the log-in (`brokerRefused`). */
export class FleetError extends Error {
  readonly code: 'brokerUnreachable' | 'brokerRefused';

  constructor(code: FleetError['code'], message: string) {
    super(message);
    this.name = 'FleetError';
    this.code = code;
  }
}
