// Probe: a held connection is tried with one uplink at a time. Devices whose uplink HERE refused wait until others had a turn.

const AT_MOST = 1_000;

export class Probe {
  #on = false;
  readonly #refused = new Set<string>();

  /** True until an uplink is accepted. */
  get on(): boolean {
    return this.#on;
  }

  begin(): void {
    this.#on = true;
  }

  /** HERE has accepted one, or a person lets all go: true when some devices were left out until now. */
  end(): boolean {
    this.#on = false;
    return this.newRound();
  }

  /** HERE refused an uplink of this device: another one is tried next. */
  refused(device: string): void {
    if (this.#refused.size >= AT_MOST) this.#refused.clear();
    this.#refused.add(device);
  }

  leavesOut(device: string): boolean {
    return this.#on && this.#refused.has(device);
  }

  /** Each had its turn. True when some devices were left out until now. */
  newRound(): boolean {
    const some = this.#refused.size > 0;
    this.#refused.clear();
    return some;
  }
}
