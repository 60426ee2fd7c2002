// What one seed of commands holds: devices, what applications desire of them, and what goes wrong meanwhile. Pure.
import { Dice } from '../dice.ts';
import type { Wish } from './command-witness.ts';
import type { Refusal } from './shadow-model.ts';

export interface DesirePlan {
  readonly atMs: number;
  readonly device: string;
  readonly wish: Wish | 'repeat' | 'recreate';
}

export type CommandFault =
  | {
      readonly kind: 'kill';
      readonly atMs: number;
      readonly forMs: number /** Steps from then on. */;
      readonly steps: number;
    }
  | { readonly kind: 'stop'; readonly atMs: number; readonly forMs: number }
  | { readonly kind: 'brokerAway'; readonly atMs: number; readonly forMs: number }
  /** The broker takes publishes, and its word does not come. */
  | { readonly kind: 'deaf'; readonly atMs: number; readonly forMs: number }
  | { readonly kind: 'refusal'; readonly atMs: number; readonly forMs: number; readonly refusal: Refusal }
  | { readonly kind: 'diskFull'; readonly atMs: number; readonly forMs: number }
  | { readonly kind: 'clockStep'; readonly atMs: number; readonly forMs: number; readonly ms: number }
  | { readonly kind: 'off'; readonly atMs: number; readonly forMs: number; readonly connection: number }
  | { readonly kind: 'move'; readonly atMs: number; readonly forMs: number; readonly device: string };

export interface CommandPlan {
  readonly seed: number;
  readonly connections: readonly string[];
  /** Each with the connection that hears it at first; null: none does. */
  readonly devices: readonly {
    readonly device: string;
    readonly connection: number | null;
    readonly everyMs: number;
  }[];
  readonly pollMs: { readonly min: number; readonly max: number };
  readonly skewMs: number;
  readonly jitterMs: number;
  /** What the network makes of a downlink. */
  readonly fates: { readonly notSent: number; readonly rejected: number; readonly silent: number };
  readonly desires: readonly DesirePlan[];
  readonly faults: readonly CommandFault[];
}

const MINUTE = 60_000;
export const UNTIL_MS = 40 * MINUTE;

export function drawCommandPlan(seed: number): CommandPlan {
  const dice = new Dice(seed).fork('commands');
  const connections = Array.from({ length: dice.whole(1, 2) }, (_, n) => `c${n}`);
  const devices = Array.from({ length: dice.whole(4, 12) }, (_, n) => ({
    device: `70B3D5A000${String(n).padStart(6, '0')}`,
    connection: dice.isLucky(0.9) ? dice.whole(0, connections.length - 1) : null,
    everyMs: dice.scaled(10_000, 60_000),
  }));
  const names = devices.map(({ device }) => device);
  const desires = drawDesires(dice, names);
  return {
    seed,
    connections,
    devices,
    pollMs: dice.pick([
      { min: 2_000, max: 2_000 },
      { min: 5_000, max: 60_000 },
    ]),
    skewMs: dice.pick([0, dice.between(-90_000, 90_000), dice.between(-600_000, 600_000)]),
    jitterMs: dice.pick([0, 1_000, 20_000]),
    fates: { notSent: dice.pick([0, 0.2]), rejected: dice.pick([0, 0.1]), silent: dice.pick([0, 0.1, 1]) },
    desires,
    faults: drawFaults(dice, names, connections.length, desires),
  };
}

function drawDesires(dice: Dice, devices: readonly string[]): DesirePlan[] {
  const desires: DesirePlan[] = [];
  // Where they are few, nothing newer takes the place of what got lost.
  const count = dice.isLucky(0.5) ? dice.whole(60, 140) : dice.whole(15, 40);
  while (desires.length < count) {
    const device = dice.pick(devices);
    // By the clocks of all of HERE's servers after the connections have commands.
    const atMs = dice.between(30_000, UNTIL_MS - 4 * MINUTE);
    const wish = dice.weighted([
      [60, 'command'],
      [12, 'repeat'],
      [12, 'setting'],
      [5, 'removal'],
      [5, 'bad'],
      [3, 'recreate'],
    ] as const);
    desires.push({ atMs, device, wish });
    // Two within one interval, or three.
    while (dice.isLucky(0.25)) desires.push({ atMs: atMs + dice.scaled(10, 3_000), device, wish: 'command' });
  }
  return desires.sort((a, b) => a.atMs - b.atMs);
}

function drawFaults(
  dice: Dice,
  devices: readonly string[],
  connections: number,
  desires: readonly DesirePlan[],
): CommandFault[] {
  return Array.from({ length: dice.whole(6, 14) }, (): CommandFault => {
    const atMs = dice.between(60_000, UNTIL_MS - 6 * MINUTE);
    const forMs = dice.scaled(200, 90_000);
    const kind = dice.weighted([
      [8, 'kill'],
      [2, 'stop'],
      [2, 'brokerAway'],
      [2, 'deaf'],
      [2, 'refusal'],
      [1, 'diskFull'],
      [1, 'clockStep'],
      [1, 'off'],
      [connections > 1 ? 3 : 0, 'move'],
    ] as const);
    const when = { atMs, forMs };
    switch (kind) {
      case 'kill':
        return {
          kind,
          // Half of them while something is on its way.
          atMs: dice.isLucky(0.5) ? atMs : dice.pick(desires).atMs + dice.scaled(100, 8_000),
          forMs: dice.scaled(50, 30_000),
          steps: dice.isLucky(0.3) ? 0 : Math.floor(dice.scaled(1, 120)),
        };
      case 'refusal':
        return { kind, ...when, refusal: dice.pick(['list', 'all', 'later'] as const) };
      case 'clockStep':
        return { kind, ...when, ms: dice.whole(-300_000, 300_000) };
      case 'off':
        return { kind, ...when, connection: dice.whole(0, connections - 1) };
      case 'move':
        return { kind, ...when, device: dice.pick(devices) };
      default:
        return { kind, ...when };
    }
  }).sort((a, b) => a.atMs - b.atMs);
}
