// Hold instead of dead-lettering a fleet: more than a fifth of the last records refused (design point 6).

const WINDOW = 200;
const LIMIT = 40;

export class RecentRefusals {
  readonly #recent = new Uint8Array(WINDOW);
  #at = 0;
  #refused = 0;

  /** What became of `count` records, one after the other. */
  note(refused: boolean, count = 1): void {
    for (let i = Math.min(count, WINDOW); i > 0; i--) {
      this.#refused += (refused ? 1 : 0) - (this.#recent[this.#at] as number);
      this.#recent[this.#at] = refused ? 1 : 0;
      this.#at = (this.#at + 1) % WINDOW;
    }
  }

  get tooMany(): boolean {
    return this.#refused > LIMIT;
  }

  /** In plain words, for a person. */
  get reason(): string {
    return `HERE refused more than ${LIMIT} of the last ${WINDOW} records`;
  }

  forget(): void {
    this.#recent.fill(0);
    this.#refused = 0;
  }
}
