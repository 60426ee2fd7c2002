// An application in the sandbox that desires something of a device now and then: what the demo's commands come from.
import type { Cancel, Clock } from '../domain/ports/clock.ts';
import type { Control } from './control.ts';

export interface ApplicationOptions {
  readonly sandbox: Pick<Control, 'desire'>;
  readonly clock: Clock;
  readonly everyMs: number;
  /** Whom it thinks of, in turn; null: nobody is there yet. */
  readonly next: (turn: number) => { readonly appId: string; readonly device: string } | null;
}

export class Application {
  /** What HERE took. */
  desired = 0;
  readonly #options: ApplicationOptions;
  #turn = 0;
  #timer: Cancel | null = null;

  constructor(options: ApplicationOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer = this.#options.clock.after(this.#options.everyMs, () => {
      this.start();
      this.#turn += 1;
      const whom = this.#options.next(this.#turn);
      if (whom === null) return;
      const payload = { FPort: 2, payload_hex: `0a${(this.#turn & 0xffff).toString(16).padStart(4, '0')}` };
      if (this.#options.sandbox.desire(whom.appId, whom.device, { payload }) !== null) this.desired += 1;
    });
  }

  stop(): void {
    this.#timer?.();
    this.#timer = null;
  }
}
