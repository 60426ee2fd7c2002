// Chance under one seed: independent streams by name, so that one part's draws do not move another's.
import { SeededChance } from '../support/manual-clock.ts';

export class Dice extends SeededChance {
  readonly #seed: number;

  constructor(seed: number) {
    super(seed);
    this.#seed = seed;
  }

  override uuid(): string {
    const part = (): string =>
      Math.floor(this.random() * 0x10000)
        .toString(16)
        .padStart(4, '0');
    return `${part()}${part()}-${part()}-4${part().slice(1)}-a${part().slice(1)}-${part()}${part()}${part()}`;
  }

  /** A stream of its own. */
  fork(name: string): Dice {
    let hash = this.#seed ^ 0x9e3779b9;
    for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
    return new Dice(hash >>> 0);
  }

  between(low: number, high: number): number {
    return low + this.random() * (high - low);
  }

  /** Small values as often as large ones: each order of magnitude has its share. */
  scaled(low: number, high: number): number {
    return low * (high / low) ** this.random();
  }

  /** A whole number from `low` to `high`, both included. */
  whole(low: number, high: number): number {
    return Math.floor(this.between(low, high + 1));
  }

  isLucky(probability: number): boolean {
    return this.random() < probability;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.whole(0, choices.length - 1)] as T;
  }

  weighted<T>(choices: readonly (readonly [weight: number, choice: T])[]): T {
    let left = this.random() * choices.reduce((sum, [weight]) => sum + weight, 0);
    for (const [weight, choice] of choices) {
      left -= weight;
      if (left < 0) return choice;
    }
    return (choices.at(-1) as readonly [number, T])[1];
  }
}
