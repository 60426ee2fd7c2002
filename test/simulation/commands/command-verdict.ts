// What is said of one seed of commands.
import type { TraceLine } from '../trace.ts';

export interface CommandVerdict {
  readonly seed: number;
  readonly ok: boolean;
  readonly hash: string;
  readonly violations: readonly { readonly check: string; readonly message: string }[];
  readonly trace: readonly TraceLine[];
  readonly desires: number;
  readonly downlinks: number;
  readonly crashes: number;
}
