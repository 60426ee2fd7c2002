// What a bench is to the runner: figures with their bars, and how it is asked for them.

/** One figure and what it must be. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly must: 'atLeast' | 'atMost';
  /** null: reported only. */
  readonly bar: number | null;
  /** Of the short gate against regressions, where CI's noisy machines must pass; absent: the gate does not judge it. */
  readonly gate?: number;
}

export interface BenchSettings {
  readonly quick: boolean;
  readonly pairs: number | null;
  readonly uplinks: number | null;
  readonly profileDir: string | null;
  readonly say: (line: string) => void;
  /** A part that cannot be measured here: the run tells so, and with REQUIRE_ALL=1 it fails. */
  readonly leaveOut: (part: string, why: string) => void;
}

export interface Bench {
  readonly name: string;
  /** Part of the short gate. */
  readonly isQuick: boolean;
  /** Runs by its name, or with `--long`. */
  readonly isLong?: boolean;
  readonly needs: readonly ('chromium' | 'kafka' | 'mosquitto')[];
  run(settings: BenchSettings): Promise<readonly Figure[]>;
}
