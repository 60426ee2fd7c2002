// Numbers by chance that a seed repeats exactly: the fleet's own generator (after "sfc32", 32 bit words).
import type { Chance } from '../../domain/ports/clock.ts';

/** The words that the fleet's frames are drawn with; one instance is one reproducible sequence. */
export interface Dice extends Chance {
  /** A whole number from `low` up to and including `high`. */
  whole(low: number, high: number): number;
  /** A number in [low, high). */
  between(low: number, high: number): number;
  /** True with the given probability (0..1). */
  chance(probability: number): boolean;
  /** One of a list that is not empty. */
  pick<T>(list: readonly T[]): T;
  /** Roughly bell-shaped around 0 with a standard deviation near 1, never beyond 3.5. */
  bell(): number;
  /** Lower-case hex digits, two a byte. */
  hex(bytes: number): string;
}

export function seededDice(seed: number): Dice {
  // Four words of state, filled by a mixing step so that neighbouring seeds give unlike sequences.
  let mix = seed | 0;
  const word = (): number => {
    mix = (mix + 0x6d2b79f5) | 0;
    let t = Math.imul(mix ^ (mix >>> 15), mix | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) | 0;
  };
  let a = word();
  let b = word();
  let c = word();
  let d = word() | 1;
  const next = (): number => {
    const sum = (((a + b) | 0) + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    return sum >>> 0;
  };
  const random = (): number => next() / 4294967296;
  const hex = (bytes: number): string => {
    let text = '';
    while (text.length < bytes * 2) text += next().toString(16).padStart(8, '0');
    return text.slice(0, bytes * 2);
  };
  return {
    random,
    whole: (low, high) => low + Math.floor(random() * (high - low + 1)),
    between: (low, high) => low + random() * (high - low),
    chance: (probability) => random() < probability,
    pick: (list) => list[Math.floor(random() * list.length)] as (typeof list)[number],
    bell: () => (random() + random() + random() + random() - 2) * 1.75,
    hex,
    uuid: () => {
      const h = hex(16);
      const variant = ((Number.parseInt(h[16] as string, 16) & 3) | 8).toString(16);
      return `${h.slice(0, 8)}-${h.slice(8, 12)}-4${h.slice(13, 16)}-${variant}${h.slice(17, 20)}-${h.slice(20)}`;
    },
  };
}
