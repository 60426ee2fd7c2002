// What is done about single devices of a connection: retiring them, and forgetting what was kept of them.
import type { Answered } from './here-questions.ts';

export interface ForgottenDevice {
  /** What was erased. */
  readonly deadLetters: number;
  readonly expired: number;
  readonly messages: number;
  readonly activity: boolean;
  /** Commands that were over. */
  readonly commands: number;
  readonly events: number;
  /** Its name in the audit from now on: a keyed hash. */
  readonly pseudonym: string;
  /** It stays in the list of retired devices until it is released. */
  readonly isRetired: boolean;
  /** All that is settled is out of the journal's files. */
  readonly isJournalClean: boolean;
  /** Uplinks on their way to HERE: they leave the journal when they are settled. Forget the device again then. */
  readonly waiting: number;
  /** The same of commands. */
  readonly openCommands: number;
}

export interface RetiredDevice {
  readonly device: string;
  /** False: HERE could not be asked, or said no; retiring it again tries again. */
  readonly isUnclaimed: boolean;
  readonly message: string | null;
}

export interface DeviceControl {
  /** From now on its uplinks are skipped (`retired`); then HERE is told that it is no longer claimed, so that it is not billed. */
  retire(connectionId: string, device: string, signal: AbortSignal): Promise<Answered<RetiredDevice>>;
  /**
   * From now on uplinks of these are skipped (`retired`). HERE is asked nothing: it does not know them. null: the connection
   * does not run here; else how many could be taken into the list, which is bounded.
   */
  ignore(connectionId: string, devices: readonly string[]): number | null;
  /** null: it does not run here; false: it was not retired. */
  release(connectionId: string, device: string): boolean | null;
  /** null: it does not run here. */
  retired(connectionId: string): readonly string[] | null;
  /** null: nothing is known of such a connection. Rejects when the disk refuses. */
  forget(connectionId: string, device: string): Promise<ForgottenDevice | null>;
}
