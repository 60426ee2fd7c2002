// What the hand-over knows of a directory for as long as it is held: let go of and held again, it is looked through anew.
import type { Ledger } from '../domain/ledger.ts';

/** Puts a ledger (null: there is none any more) on its topic. Rejects where that fails. */
export type SayLedger = (connectionId: string, ledger: Ledger | null) => Promise<void>;

export class DirectoryNotes {
  /** Connections of which no uplink waits. */
  readonly empty = new Set<string>();
  /** Of which no dead letter waits. */
  readonly letterless = new Set<string>();
  /** Whose dead letters were refused: not before this monotonic time again. */
  readonly refused = new Map<string, number>();
  readonly #say: SayLedger;
  /** Ledgers that are not known to be on their topic, the latest of each connection. */
  readonly #unsaid = new Map<string, Ledger | null>();
  readonly #onTheirWay = new Set<string>();

  constructor(say: SayLedger) {
    this.#say = say;
  }

  /** Nothing of these connections waits, and all is said. */
  isDrained(connectionIds: readonly string[]): boolean {
    return this.#unsaid.size === 0 && connectionIds.every((id) => this.empty.has(id) && this.letterless.has(id));
  }

  /** What is known of what waits does not hold any more. */
  forget(id: string): void {
    this.empty.delete(id);
    this.letterless.delete(id);
  }

  /** Now; where that fails, at `sayAgain`. */
  say(id: string, ledger: Ledger | null): void {
    this.#unsaid.set(id, ledger);
    this.#send(id, ledger);
  }

  sayAgain(): void {
    for (const [id, ledger] of this.#unsaid) this.#send(id, ledger);
  }

  #send(id: string, ledger: Ledger | null): void {
    if (this.#onTheirWay.has(id)) return;
    this.#onTheirWay.add(id);
    const said = (isSaid: boolean): void => {
      this.#onTheirWay.delete(id);
      if (isSaid && this.#unsaid.get(id) === ledger) this.#unsaid.delete(id);
    };
    this.#say(id, ledger).then(
      () => said(true),
      () => said(false),
    );
  }
}
