// One round: a fresh stack, traffic, faults by the plan, then the draining and the judgement by the judge's own books.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import type { BridgeEvent } from '../domain/events.ts';
import { type Ledger, sumReasons } from '../domain/ledger.ts';
import { Applications } from './applications.ts';
import { Arrivals } from './arrivals.ts';
import { type ConnectionJudgement, judge, type LedgerSums, type LossWindow } from './books.ts';
import { CommandJudge, type CommandVerdict } from './command-judge.ts';
import { FAULT_ACTIONS, type FaultScene } from './faults.ts';
import { isSessionOf } from './mqtt-sessions.ts';
import { Notes } from './notes.ts';
import { Publisher } from './publishers.ts';
import { Replays } from './replays.ts';
import { FAULTS, type FaultKind, LAST_END_MS, type Lane, type PlannedFault, type RoundPlan } from './schedule.ts';
import type { SmallDisk } from './small-disk.ts';
import { CONNECTIONS, KEEPALIVE_S, Stack } from './stack.ts';
import { pause, until } from './wait.ts';

export interface RoundOptions {
  readonly plan: RoundPlan;
  /** Of its own, empty. */
  readonly dir: string;
  readonly disk: SmallDisk | null;
  readonly mosquitto: string | null;
  readonly uplinks: number;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
}

export interface RoundResult {
  readonly judgements: Readonly<Record<string, ConnectionJudgement>>;
  readonly commands: CommandVerdict;
  /** Last fault gone → a device without a backlog is heard again; one a connection. null: never. */
  readonly recoveryMs: readonly (number | null)[];
  readonly faults: readonly FaultKind[];
  readonly kills: number;
  /** What only a defect explains, in plain words: one of them fails the round. */
  readonly alarms: readonly string[];
  /** What a fault explains. They do not change the verdict. */
  readonly remarks: readonly string[];
}

const DEVICES_A_CONNECTION = 80;
/** Mosquitto saves once a second: what a kill may take must not be the session and the definitions of the set-up. */
const SAVED_MS = 2_200;
const WARM_UP_MS = 20_000;
const WARM_UP_UPLINKS = 40;
/** The draining ends when nothing has moved for so long, or has taken so long in all. */
const STILL_MS = 40_000;
const DRAIN_MS = 150_000;
/** Mosquitto acknowledges before it saves. */
const UNSAVED_MS = 2_000;
const LEDGER_MS = 15_000;

export async function runRound(options: RoundOptions): Promise<RoundResult> {
  const { plan, dir, disk, mosquitto, env } = options;
  mkdirSync(dir, { recursive: true });
  const dataDir = dataDirOf(dir, disk);
  const stack = await Stack.start({ dir, dataDir, plan, mosquitto, env });
  const round = new Round(stack, options);
  try {
    return await round.run();
  } finally {
    await round.stop();
    await stack.stop();
  }
}

/** The bridge's data directory: on the small disk where there is one. */
export function dataDirOf(dir: string, disk: SmallDisk | null): string {
  return disk === null ? path.join(dir, 'data') : path.join(disk.dir, path.basename(dir));
}

class Round {
  readonly #stack: Stack;
  readonly #options: RoundOptions;
  readonly #arrivals: Arrivals;
  readonly #publishers: readonly Publisher[];
  readonly #applications: Applications;
  readonly #commands: CommandJudge;
  readonly #notes = new Notes();
  readonly #brokerKills: LossWindow[] = [];
  readonly #replays: Replays;
  #kills = 0;

  constructor(stack: Stack, options: RoundOptions) {
    this.#stack = stack;
    this.#options = options;
    this.#arrivals = new Arrivals(stack.here.recordFile);
    this.#replays = new Replays(stack, options.plan, {
      onKill: () => {
        this.#kills += 1;
        this.#commands.disturbed();
      },
      onAlarm: (alarm) => this.#notes.alarm(alarm),
    });
    this.#applications = new Applications({
      hereUrl: `http://127.0.0.1:${stack.here.port}`,
      brokerPort: stack.publishPort,
      connections: CONNECTIONS,
      arrivals: ({ appId }) => {
        this.#arrivals.look();
        return this.#arrivals.project(appId);
      },
    });
    this.#commands = new CommandJudge(stack, this.#applications, () => {
      this.#arrivals.look();
      return CONNECTIONS.flatMap(({ appId }) => this.#arrivals.project(appId).removals);
    });
    this.#publishers = CONNECTIONS.map(({ id }, index) => {
      const { seed } = options.plan;
      const common = { port: stack.publishPort, devices: DEVICES_A_CONNECTION, keepaliveS: KEEPALIVE_S };
      return new Publisher({ ...common, connectionId: id, seed: (seed + index) >>> 0 });
    });
  }

  async run(): Promise<RoundResult> {
    const { uplinks, signal, plan } = this.#options;
    await this.#applications.listen();
    // The probe devices become known before anything goes wrong.
    if ((await this.#probe(WARM_UP_MS)).includes(null)) throw new Error('No uplink arrives, without any fault');
    // And some others, so that there are devices to desire something of.
    await Promise.all(this.#publishers.map((each) => each.publish(WARM_UP_UPLINKS, WARM_UP_UPLINKS, WARM_UP_MS)));
    if (this.#stack.mosquitto !== null) await pause(SAVED_MS);
    const total = Math.ceil((uplinks * plan.load) / CONNECTIONS.length);
    const published = this.#publishers.map((each) => each.publish(total, (total * 1000) / LAST_END_MS, DRAIN_MS));
    const [recoveryMs] = await Promise.all([
      this.#strikeAndProbe(plan.faults),
      this.#applications.desireFor(LAST_END_MS, signal),
    ]);
    await Promise.all(published);
    if (!signal.aborted) await this.#drain();
    if (!signal.aborted) await this.#replays.finish(DRAIN_MS);
    return await this.#conclude(recoveryMs);
  }

  async stop(): Promise<void> {
    for (const publisher of this.#publishers) await publisher.stop();
    await this.#applications.stop();
  }

  /** Recovery counts from the end of the last fault, while traffic goes on; HERE refuses no records any more then. */
  async #strikeAndProbe(faults: readonly PlannedFault[]): Promise<(number | null)[]> {
    const over = new AbortController();
    const signal = AbortSignal.any([over.signal, this.#options.signal]);
    const replaying = this.#replays.meanwhile(LAST_END_MS, signal);
    await this.#strike(faults);
    const endedAt = performance.now();
    over.abort();
    await replaying;
    await this.#replays.refuseNoMore();
    return this.#probe(DRAIN_MS, endedAt);
  }

  /** Lanes go side by side; within one lane faults go in turn. */
  async #strike(faults: readonly PlannedFault[]): Promise<void> {
    const startedAt = performance.now();
    const scene: FaultScene = {
      stack: this.#stack,
      disk: this.#options.disk,
      onStopped: (ending) => this.#notes.stopped(ending, true),
      onKill: () => {
        this.#kills += 1;
        this.#commands.disturbed();
      },
      onBrokerKilled: (from, to) => this.#brokerKills.push({ from, to }),
    };
    const lanes = Map.groupBy(faults, (fault): Lane => fault.lane);
    const work = [...lanes.values()].map(async (lane) => {
      for (const { kind, startMs, durationMs, draw } of lane) {
        await pause(Math.max(0, startedAt + startMs - performance.now()));
        if (this.#options.signal.aborted) return;
        const from = Date.now();
        await FAULT_ACTIONS[kind](scene, durationMs, draw);
        this.#commands.disturbed(FAULTS[kind].lane, from);
      }
    });
    await Promise.all(work);
  }

  async #probe(timeoutMs: number, startedAt = performance.now()): Promise<(number | null)[]> {
    const recovery: (number | null)[] = CONNECTIONS.map(() => null);
    const keys = this.#publishers.map((publisher) => publisher.probe());
    await until(timeoutMs, () => {
      this.#arrivals.look();
      for (const [index, { appId }] of CONNECTIONS.entries()) {
        if (recovery[index] === null && this.#arrivals.project(appId).accepted.has(keys[index]!)) {
          recovery[index] = Math.round(performance.now() - startedAt);
        }
      }
      return this.#options.signal.aborted || !recovery.includes(null);
    });
    return recovery;
  }

  /** Until every uplink is somewhere, or nothing moves any more. */
  async #drain(): Promise<void> {
    let movedAt = performance.now();
    const end = movedAt + DRAIN_MS;
    while (performance.now() < Math.min(end, movedAt + STILL_MS) && !this.#options.signal.aborted) {
      if (this.#arrivals.look()) movedAt = performance.now();
      const isMissing = CONNECTIONS.some((_, index) => this.#judgement(index, null, false).missing.length > 0);
      if (!isMissing && this.#commands.judgement(this.#brokerKills).missing.length === 0) break;
      await pause(200);
    }
    this.#arrivals.look();
  }

  async #conclude(recoveryMs: readonly (number | null)[]): Promise<RoundResult> {
    const { bridge } = this.#stack;
    const commands = await this.#commands.conclude(this.#brokerKills, LEDGER_MS);
    // What is acknowledged from now on would be judged before it can have arrived.
    await this.stop();
    let judgements: Record<string, ConnectionJudgement> = {};
    // What the bridge shows of a ledger is some seconds old.
    await until(LEDGER_MS, async () => {
      const ledgers = new Map((await bridge.connections()).map(({ id, ledger }) => [id, ledger]));
      this.#arrivals.look();
      judgements = Object.fromEntries(
        CONNECTIONS.map(({ id }, index) => [id, this.#judgement(index, ledgers.get(id) ?? null, true)]),
      );
      return Object.values(judgements).every(({ missing, imbalances }) => missing.length + imbalances.length === 0);
    });
    if (Object.keys(judgements).length === 0) {
      judgements = Object.fromEntries(CONNECTIONS.map(({ id }, index) => [id, this.#judgement(index, null, true)]));
    }
    await this.#note();
    return {
      commands,
      judgements,
      recoveryMs,
      faults: this.#options.plan.faults.map(({ kind }) => kind),
      kills: this.#kills,
      alarms: this.#notes.alarms,
      remarks: this.#notes.remarks,
    };
  }

  #judgement(index: number, ledger: Ledger | null, isReplayed: boolean): ConnectionJudgement {
    const { id, appId } = CONNECTIONS[index]!;
    const { acknowledged } = this.#publishers[index]!;
    // Asked after the ledger: what has come since is no fault of it.
    const most = this.#stack.mostReceived(id);
    return judge(acknowledged, this.#arrivals.project(appId), this.#losses(id), sums(ledger), isReplayed, most);
  }

  /**
   * After a kill of Mosquitto: the last two seconds before it; and, where the bridge's session did not survive, all until
   * the bridge had made it anew. Nothing else is excused.
   */
  #losses(connectionId: string): readonly LossWindow[] {
    return this.#brokerKills.flatMap(({ from, to }) => {
      const news = this.#stack.sessions.find((each) => isSessionOf(connectionId, each.clientId) && each.at >= from);
      // A PUBACK may have been on its way when the broker died; until it was started again there can be no other.
      const unsaved = { from: from - UNSAVED_MS, to };
      if (news?.kind === 'resumed') return [unsaved];
      return [unsaved, { from, to: news?.at ?? Date.now() }];
    });
  }

  async #note(): Promise<void> {
    const { bridge } = this.#stack;
    const notes = this.#notes;
    for (const ending of bridge.surprises) notes.ended(ending);
    notes.unanswered(this.#publishers.reduce((sum, each) => sum + each.unanswered, 0));
    try {
      notes.events((await bridge.call('GET', '/events?limit=1000')) as readonly BridgeEvent[]);
    } catch (error) {
      notes.alarm(`the bridge does not answer at the end: ${String(error)}`);
    }
    const ending = await bridge.stop();
    if (ending !== null) notes.stopped(ending, false);
  }
}

/** A connection without a ledger has booked nothing. */
function sums(ledger: Ledger | null): LedgerSums {
  if (ledger === null) {
    return { received: 0, delivered: 0, pending: 0, expired: 0, filtered: 0, skipped: 0, deadLettered: 0 };
  }
  const { received, delivered, pending, expired, filtered, skipped, deadLettered } = ledger;
  return {
    received,
    delivered,
    pending,
    expired: sumReasons(expired),
    filtered: sumReasons(filtered),
    skipped: sumReasons(skipped),
    deadLettered: sumReasons(deadLettered),
  };
}

/** What this machine or this choice of brokers cannot have. */
export function impossible(disk: SmallDisk | null): readonly FaultKind[] {
  const kinds = Object.keys(FAULTS) as FaultKind[];
  return kinds.filter((kind) => kind === 'diskFull' && disk === null);
}
