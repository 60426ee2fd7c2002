// One process's life. All its ports ask it first: after its end none of them has any effect, whatever code is still running.

/** Thrown into code of a process that has just been killed; nothing can observe what that code does with it. */
export class Dead extends Error {
  constructor() {
    super('this process was killed');
    this.name = 'Dead';
  }
}

export type Crash = 'kill' | 'powerLoss';
/** `stop`: in order, after SIGTERM. */
export type Ending = Crash | 'stop';

export class Life {
  readonly number: number;
  alive = true;
  /** Port calls until the process is killed in the midst of one; null: it is not. */
  #countdown: number | null = null;
  readonly #onEnd: (ending: Ending) => void;
  #crash: Crash = 'kill';
  readonly #waiting: (() => void)[] = [];

  constructor(number: number, onEnd: (ending: Ending) => void) {
    this.number = number;
    this.#onEnd = onEnd;
  }

  /** The process ends at its `calls`-th step in or out of a port from now on. */
  endAfter(calls: number, crash: Crash): void {
    if (!this.alive || this.#countdown !== null) return;
    this.#countdown = calls;
    this.#crash = crash;
  }

  end(ending: Ending): void {
    if (!this.alive) return;
    this.alive = false;
    this.#onEnd(ending);
    for (const run of this.#waiting.splice(0)) run();
  }

  /** Calls `run` when the process is gone, however it ends. */
  whenEnded(run: () => void): void {
    if (this.alive) this.#waiting.push(run);
    else run();
  }

  /** Before and after the effect of a synchronous port call. Throws when the process is dead, or dies here. */
  step(): void {
    if (!this.isLiving()) throw new Dead();
  }

  /** The same for calls that are answered later: false means that no answer must come. */
  isLiving(): boolean {
    if (this.alive && this.#countdown !== null) {
      this.#countdown -= 1;
      if (this.#countdown < 0) this.end(this.#crash);
    }
    return this.alive;
  }
}

/** What a dead process waits for. */
export function never<T>(): Promise<T> {
  return new Promise<T>(() => {});
}
