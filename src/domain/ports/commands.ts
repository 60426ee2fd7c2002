// What people and programs ask of commands: the command line and the API.
import type { Command, CommandLedger, CommandState } from '../command.ts';
import type { CommandQuery } from './downlink.ts';

export interface CommandsPage {
  readonly commands: readonly Command[];
  /** `before` of the next page; null: there is none. */
  readonly next: number | null;
}

export interface CommandLedgerView {
  readonly id: string;
  readonly ledger: CommandLedger;
  /** 0: it balances. */
  readonly imbalance: number;
  /** `waiting` counted anew: how far it is off. */
  readonly off: number;
}

export type CommandRefusal =
  | { readonly kind: 'notFound'; readonly message: string }
  /** It is too late for that, or it is not the time. */
  | { readonly kind: 'conflict'; readonly message: string }
  | { readonly kind: 'invalid'; readonly message: string }
  | { readonly kind: 'tooOften'; readonly message: string; readonly retryAfterS: number }
  | { readonly kind: 'unavailable'; readonly message: string };

export interface CommandControl {
  /** null: nothing is stored of such a connection. */
  ledger(connectionId: string): CommandLedgerView | null;
  list(connectionId: string, query: CommandQuery): CommandsPage | null;
  get(connectionId: string, command: number): Command | null;
  cancel(connectionId: string, command: number): { readonly kind: 'ok'; readonly command: Command } | CommandRefusal;
  /**
   * Writes the device's desired shadow at HERE, as an application does: the command comes back the whole way. `desired`:
   * `{payload?, system?}`.
   */
  send(
    connectionId: string,
    device: string,
    desired: object,
    signal: AbortSignal,
  ): Promise<{ readonly kind: 'ok'; readonly version: number | null } | CommandRefusal>;
  /** A new address for downlink messages; the one before is of no use any more. Shown this once. */
  newAddress(connectionId: string): { readonly kind: 'ok'; readonly uuid: string } | CommandRefusal;
  /** A `DevEUI_downlink` for the connection whose address it is. */
  post(uuid: string, message: unknown): { readonly kind: 'ok'; readonly id: number } | CommandRefusal;
}

export type { CommandState };
