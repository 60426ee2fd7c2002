// Runs one seed from its first to its last event and says what the checks found.
import { checkEnd, checkHealed, type Healed, NOT_HEALED } from './checks.ts';
import { FaultRunner } from './fault-runner.ts';
import { Dead } from './life.ts';
import { drawPlan, LEAST_MS, type Plan } from './plan.ts';
import type { TraceLine } from './trace.ts';
import { type Violation, World } from './world.ts';

export interface Verdict extends Healed {
  readonly seed: number;
  readonly ok: boolean;
  readonly hash: string;
  readonly violations: readonly Violation[];
  readonly trace: readonly TraceLine[];
  readonly simulatedMs: number;
  readonly events: number;
  readonly uplinks: number;
  readonly arrivals: number;
  readonly crashes: number;
  readonly faults: readonly string[];
}

export interface SimulateOptions {
  readonly onLine?: (line: TraceLine) => void;
}

/** Probes go out so long after the last fault is over. */
const PROBE_AFTER_MS = 200;
/** What is not delivered so long after the hour never will be. */
const DRAIN_MS = 15 * 60_000;
const MOST_EVENTS = 2_000_000;
const MOST_AT_ONCE = 50_000;

/** Calls on their way for each round of the event loop. */
const TURNS_AT_ONCE = 256;

/** The real one: while a world runs, the global one is its own. */
const nextTurn = setImmediate;

export async function simulate(seed: number, options: SimulateOptions = {}): Promise<Verdict> {
  const plan = drawPlan(seed);
  const world = new World(plan);
  world.trace.onLine = options.onLine ?? null;
  const restore = takeOver(world);
  try {
    const events = await run(world, plan);
    const healed = world.violations.length > 0 ? NOT_HEALED : checkHealed(world);
    if (world.violations.length === 0) await checkEnd(world, () => untilQuiet(world));
    return verdictOf(world, events, healed);
  } finally {
    restore();
    world.life?.end('kill');
    world.database.close();
  }
}

async function run(world: World, plan: Plan): Promise<number> {
  const { time, fleet, people } = world;
  prepare(world, plan);
  people.begin();
  world.startBridge();
  const faults = new FaultRunner(world);
  world.isQuiet = () => faults.allOver;
  for (const uplink of plan.uplinks) {
    const connection = plan.connections[uplink.connection];
    if (connection === undefined) continue;
    time.at(uplink.atMs, () => {
      if (!people.isDeleted(uplink.connection)) fleet.send(connection, uplink);
    });
  }
  for (const { atMs, connection } of plan.replays) time.at(atMs, () => world.replay(connection));
  let probed = false;
  const probe = (): void => {
    if (!faults.allOver || world.life?.alive !== true) {
      time.after(1_000, probe);
      return;
    }
    const restart = (email: string): void => {
      world.lockedOut.delete(email);
      people.restartAll(email);
      world.trouble();
    };
    if (world.lockedOut.size > 0) {
      for (const email of world.lockedOut) restart(email);
      time.after(1_000, probe);
      return;
    }
    probed = true;
    // Told only now: by a bridge that was just starting.
    world.onLockedOut = (email) => time.after(1_000, () => restart(email));
    for (const [n, connection] of plan.connections.entries()) {
      if (people.isDeleted(n)) continue;
      // A device that has to be made first may have to wait for its turn.
      const known = world.here.project(people.appIdOf(n))?.devices;
      for (const device of connection.devices) {
        if (!device.isProbe) continue;
        const isKnown = known?.has(device.device) === true;
        if (!isKnown) world.unknownProbes += 1;
        fleet.send(connection, { device, kind: 'telemetry', paddingBytes: 0 }, isKnown);
      }
    }
  };
  time.at((plan.faults.at(-1)?.atMs ?? 0) + PROBE_AFTER_MS, probe);
  let isDone = false;
  const look = (): void => {
    if (probed && isDrained(world)) isDone = true;
    else if (time.nowMs > LEAST_MS + DRAIN_MS) {
      const waiting = world.witness.uplinks.filter((uplink) => isWaiting(world, uplink));
      const words = waiting.slice(0, 3).map(({ device }) => device);
      world.violated(
        'drain',
        `${waiting.length} uplinks wait for ever, the first ${words[0]}@${waiting[0]?.emittedAt}`,
        words,
      );
    } else time.after(5_000, look);
  };
  time.at(LEAST_MS, look);
  return untilDone(world, () => isDone);
}

/** Devices that connections without `createDevices` rely on. */
function prepare({ here }: World, plan: Plan): void {
  for (const connection of plan.connections) {
    if (connection.createDevices) continue;
    for (const { device, kind } of connection.devices) {
      if (kind === 'unknownDevice') continue;
      for (const project of here.options.accounts[connection.account]?.projects ?? []) project.devices.add(device);
    }
  }
}

/** Runs event after event, each in a turn of the loop of its own. Returns how many. */
function untilDone(world: World, isDone: () => boolean): Promise<number> {
  let events = 0;
  let atOnce = 0;
  let lastMs = -1;
  let isOver = false;
  const step = (): boolean => {
    isOver ||= isDone() || world.violations.length > 0;
    if (isOver) return false;
    const event = world.time.next();
    if (event === null) {
      world.violated('drain', 'nothing will ever happen again, and not all is done');
      return false;
    }
    events += 1;
    atOnce = world.time.nowMs === lastMs ? atOnce + 1 : 0;
    lastMs = world.time.nowMs;
    if (atOnce > MOST_AT_ONCE || events > MOST_EVENTS) {
      world.violated('circles', `${events} events, ${atOnce} of them at this very moment`);
      return false;
    }
    try {
      event();
    } catch (error) {
      if (!(error instanceof Dead)) throwInto(world, error);
    }
    return true;
  };
  return new Promise((resolve) => nextTurn(() => inTurns(step, () => resolve(events))));
}

/**
 * Calls `step` until it says false. Promise callbacks run to their end before the next call, and rejections that nobody handles
 * are told: Node does both between two immediates. Many at once, because going round the loop costs as much as an event.
 */
function inTurns(step: () => boolean, done: () => void): void {
  let isOver = false;
  const turn = (): void => {
    if (isOver || step()) return;
    isOver = true;
    done();
  };
  for (let i = 1; i < TURNS_AT_ONCE; i++) nextTurn(turn);
  nextTurn(() => {
    turn();
    if (!isOver) inTurns(step, done);
  });
}

/** For the checks at the end: lets what they ask of the store happen. */
async function untilQuiet(world: World): Promise<void> {
  const endMs = world.time.nowMs + 60_000;
  let isOver = false;
  world.time.at(endMs, () => {
    isOver = true;
  });
  await untilDone(world, () => isOver);
}

function isDrained(world: World): boolean {
  return world.witness.uplinks.every((uplink) => !isWaiting(world, uplink));
}

/** By what broker and HERE know. What the bridge has taken and HERE will never see is looked up at the end. */
function isWaiting(world: World, uplink: World['witness']['uplinks'][number]): boolean {
  if (world.isDeleted(uplink.connection)) return false;
  for (const { queue } of world.broker.sessions.values())
    if (queue.some((queued) => queued.uplink === uplink)) return true;
  return uplink.kind === 'telemetry' && uplink.arrivals === 0 && !world.mayHaveExpired(uplink);
}

function throwInto(world: World, error: unknown): void {
  const words = error instanceof Error ? (error.stack ?? error.message) : String(error);
  world.violated('uncaught', words);
}

/** While a world runs, what the real code gives to the event loop belongs to it. */
function takeOver(world: World): () => void {
  const { setImmediate: immediate, setTimeout: timeout } = globalThis;
  globalThis.setImmediate = ((run: (...given: unknown[]) => void, ...given: unknown[]) => {
    world.time.after(0.001, () => run(...given), world.life);
    return {};
  }) as unknown as typeof setImmediate;
  globalThis.setTimeout = (() => {
    throw new Error('real time in simulated code');
  }) as unknown as typeof setTimeout;
  const onRejection = (error: unknown): void => {
    if (!(error instanceof Dead) && world.life?.alive === true) throwInto(world, error);
  };
  process.on('unhandledRejection', onRejection);
  process.on('uncaughtException', onRejection);
  return () => {
    globalThis.setImmediate = immediate;
    globalThis.setTimeout = timeout;
    process.off('unhandledRejection', onRejection);
    process.off('uncaughtException', onRejection);
  };
}

function verdictOf(world: World, events: number, healed: Healed): Verdict {
  const { violations, trace, witness } = world;
  const words = violations.flatMap((violation) => violation.words);
  return {
    seed: world.plan.seed,
    ok: violations.length === 0,
    hash: trace.hash,
    violations,
    trace: violations.length === 0 ? [] : trace.shortened(words),
    simulatedMs: world.time.nowMs,
    events,
    uplinks: witness.uplinks.length,
    arrivals: witness.uplinks.reduce((sum, { arrivals }) => sum + arrivals, 0),
    crashes: world.crashes,
    faults: [...world.faultKinds],
    ...healed,
  };
}
