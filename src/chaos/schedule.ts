// Which faults strike when: drawn from the seed alone, so that a run's schedule can be had again.
import type { Dice } from '../sandbox/fleet/seeded-chance.ts';
import { seededDice } from '../sandbox/fleet/seeded-chance.ts';

export type BrokerKind = 'mosquitto' | 'embedded';

/** Faults of one lane come one after the other; those of different lanes may strike together. */
export type Lane = 'bridge' | 'clock' | 'disk' | 'broker' | 'here';

interface FaultSpec {
  readonly lane: Lane;
  readonly minMs: number;
  readonly maxMs: number;
  readonly only?: BrokerKind;
}

/** With a keep-alive of 3 s a broker gives a silent client up after 4.5 s, a client its broker after at most 6 s. */
export const FAULTS = {
  killBridge: { lane: 'bridge', minMs: 500, maxMs: 4_000 },
  stopBridge: { lane: 'bridge', minMs: 300, maxMs: 2_000 },
  freezeBridge: { lane: 'bridge', minMs: 5_000, maxMs: 6_000 },
  clockStep: { lane: 'clock', minMs: 2_000, maxMs: 6_000 },
  diskFull: { lane: 'disk', minMs: 2_000, maxMs: 5_000 },
  killBroker: { lane: 'broker', minMs: 300, maxMs: 2_500, only: 'mosquitto' },
  stopBroker: { lane: 'broker', minMs: 300, maxMs: 2_500, only: 'mosquitto' },
  freezeBroker: { lane: 'broker', minMs: 5_000, maxMs: 6_000, only: 'mosquitto' },
  brokerReset: { lane: 'broker', minMs: 1_000, maxMs: 3_000 },
  brokerHalfOpen: { lane: 'broker', minMs: 5_000, maxMs: 6_500 },
  brokerSlow: { lane: 'broker', minMs: 2_000, maxMs: 4_000 },
  killHere: { lane: 'here', minMs: 300, maxMs: 3_000 },
  hereReset: { lane: 'here', minMs: 1_000, maxMs: 3_000 },
  hereHalfOpen: { lane: 'here', minMs: 3_000, maxMs: 5_000 },
  hereSlow: { lane: 'here', minMs: 2_000, maxMs: 4_000 },
  hereHang: { lane: 'here', minMs: 3_000, maxMs: 5_000 },
  hereHalfAnswer: { lane: 'here', minMs: 1_000, maxMs: 3_000 },
  hereLostAnswer: { lane: 'here', minMs: 1_000, maxMs: 3_000 },
  hereGarbage: { lane: 'here', minMs: 1_500, maxMs: 3_500 },
  hereTls: { lane: 'here', minMs: 1_500, maxMs: 3_500 },
  here400: { lane: 'here', minMs: 2_000, maxMs: 4_000 },
  here401: { lane: 'here', minMs: 1_000, maxMs: 3_000 },
  here403: { lane: 'here', minMs: 500, maxMs: 2_000 },
  here404: { lane: 'here', minMs: 1_500, maxMs: 3_000 },
  here413: { lane: 'here', minMs: 2_000, maxMs: 4_000 },
  here429: { lane: 'here', minMs: 1_500, maxMs: 4_000 },
  here429Plain: { lane: 'here', minMs: 1_500, maxMs: 4_000 },
  here500: { lane: 'here', minMs: 1_500, maxMs: 3_500 },
  here503: { lane: 'here', minMs: 1_500, maxMs: 4_000 },
} as const satisfies Readonly<Record<string, FaultSpec>>;

export type FaultKind = keyof typeof FAULTS;

export const FAULT_KINDS = Object.keys(FAULTS) as readonly FaultKind[];

/** Each round has one of these besides what the bag gives. */
const KILLS: Readonly<Record<BrokerKind, readonly FaultKind[]>> = {
  mosquitto: ['killBridge', 'killBroker', 'killBridge', 'stopBroker', 'killBroker', 'killHere'],
  embedded: ['killBridge', 'killBridge', 'killHere'],
};

export interface PlannedFault {
  readonly kind: FaultKind;
  readonly lane: Lane;
  /** From the start of the round's traffic. */
  readonly startMs: number;
  readonly durationMs: number;
  /** 0..1, for what the fault itself draws: rates, sizes, varieties. */
  readonly draw: number;
}

export interface RoundPlan {
  readonly broker: BrokerKind;
  /** For fleets and the sandbox. */
  readonly seed: number;
  /** `delivery.closeAfterMs` of the bridge: in some rounds connections close for failure and must be reopened. */
  readonly closeAfterMs: number;
  /** So many times the uplinks of an ordinary round. */
  readonly load: number;
  /** `budgets.windowMaxBytes` of the bridge: a small one makes it read back from its journal. */
  readonly windowMaxBytes: number;
  /** Of the bridge's connection to Mosquitto. */
  readonly mqttVersion: 4 | 5;
  /** Requests a second that HERE allows for each project, with its rate headers; null: any. */
  readonly hereRequestsPerSecond: number | null;
  /** Share of the records that HERE refuses while there is traffic: the round's dead letters; 0: none but those of `here400`. */
  readonly refusedShare: number;
  /** 0..1, for when the bridge is killed in the midst of a replay, and how often. */
  readonly replayDraw: number;
  readonly faults: readonly PlannedFault[];
}

export interface ScheduleOptions {
  readonly seed: number;
  readonly rounds: number;
  /** They take turns. */
  readonly brokers: readonly BrokerKind[];
  /** What this machine cannot do. */
  readonly without: readonly FaultKind[];
}

const FAULTS_A_ROUND = 5;
const HEAVY = 5;
const MIB = 1024 * 1024;
const FIRST_AT_MS = 400;
const REPLAYS = 0x6c657474;
/** No fault lasts beyond this. */
export const LAST_END_MS = 14_000;

/** Kinds are dealt from a shuffled bag for each kind of broker, so that every kind comes before any comes again. */
export function drawSchedule(options: ScheduleOptions): readonly RoundPlan[] {
  const dice = seededDice(options.seed);
  // Draws of its own: the others of a seed stay as they were.
  const replays = seededDice((options.seed ^ REPLAYS) >>> 0);
  const dealers = new Map<BrokerKind, Dealer>();
  const plans: RoundPlan[] = [];
  for (let round = 0; round < options.rounds; round++) {
    const broker = options.brokers[round % options.brokers.length]!;
    let dealer = dealers.get(broker);
    if (!dealer) {
      dealer = new Dealer(dice, broker, options.without);
      dealers.set(broker, dealer);
    }
    plans.push({
      broker,
      seed: dice.whole(0, 2 ** 31 - 1),
      closeAfterMs: dice.chance(0.4) ? 4_000 : 300_000,
      load: dice.chance(0.2) ? HEAVY : 1,
      windowMaxBytes: dice.chance(0.5) ? MIB : 32 * MIB,
      mqttVersion: dice.chance(0.4) ? 5 : 4,
      hereRequestsPerSecond: dice.chance(0.3) ? dice.whole(5, 40) : null,
      refusedShare: replays.chance(0.5) ? 0.004 + replays.random() * 0.02 : 0,
      replayDraw: replays.random(),
      faults: dealer.round(),
    });
  }
  return plans;
}

class Dealer {
  readonly #dice: Dice;
  readonly #kinds: readonly FaultKind[];
  readonly #kills: readonly FaultKind[];
  #bag: FaultKind[] = [];
  #killBag: FaultKind[] = [];

  constructor(dice: Dice, broker: BrokerKind, without: readonly FaultKind[]) {
    this.#dice = dice;
    this.#kinds = FAULT_KINDS.filter((kind) => {
      const spec: FaultSpec = FAULTS[kind];
      return !without.includes(kind) && (spec.only === undefined || spec.only === broker);
    });
    this.#kills = KILLS[broker];
  }

  round(): readonly PlannedFault[] {
    if (this.#killBag.length === 0) this.#killBag = this.#shuffled(this.#kills);
    const ends = new Map<Lane, number>();
    const faults = [this.#place(this.#killBag.pop()!, ends)!];
    const postponed: FaultKind[] = [];
    while (faults.length < FAULTS_A_ROUND) {
      if (this.#bag.length === 0) this.#bag = this.#shuffled(this.#kinds);
      const kind = this.#bag.pop()!;
      const placed = this.#place(kind, ends);
      if (placed !== null) faults.push(placed);
      else postponed.push(kind);
    }
    // First of all in the next round.
    this.#bag.push(...postponed.reverse());
    return faults.sort((a, b) => a.startMs - b.startMs);
  }

  /** null: its lane has no room left in this round. */
  #place(kind: FaultKind, ends: Map<Lane, number>): PlannedFault | null {
    const dice = this.#dice;
    const { lane, minMs, maxMs }: FaultSpec = FAULTS[kind];
    const startMs = (ends.get(lane) ?? FIRST_AT_MS) + dice.whole(0, 1_500);
    const durationMs = dice.whole(minMs, maxMs);
    const draw = dice.random();
    if (startMs + durationMs > LAST_END_MS) return null;
    ends.set(lane, startMs + durationMs);
    return { kind, lane, startMs, durationMs, draw };
  }

  #shuffled(kinds: readonly FaultKind[]): FaultKind[] {
    const bag = [...kinds];
    for (let i = bag.length - 1; i > 0; i--) {
      const j = this.#dice.whole(0, i);
      [bag[i], bag[j]] = [bag[j]!, bag[i]!];
    }
    return bag;
  }
}
