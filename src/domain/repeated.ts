// Upkeep that is done again and again: what fails is told once, and tried again when its turn comes.
import { describeError } from './errors.ts';

export class Repeated {
  readonly #report: (message: string) => void;
  /** What has failed and was told of; it may be told again once it has worked. */
  readonly #told = new Set<string>();

  constructor(report: (message: string) => void) {
    this.#report = report;
  }

  /** `what`: as it begins the message. Never throws or rejects: nobody would hear it from a timer. */
  async try(what: string, run: () => Promise<void> | void): Promise<void> {
    try {
      await run();
      this.#told.delete(what);
    } catch (error) {
      if (this.#told.has(what)) return;
      this.#told.add(what);
      this.#report(`${what} now: ${describeError(error)}. It is tried again.`);
    }
  }
}
