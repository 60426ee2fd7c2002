// The world of one seed: machine, broker, HERE, devices and people around the bridge's processes, and what goes wrong in it.

import { BridgeProcess } from './bridge-process.ts';
import { BrokerModel } from './broker-model.ts';
import type { Check } from './check-names.ts';
import { DatabaseModel } from './database-model.ts';
import { Dice } from './dice.ts';
import { DiskModel } from './disk-model.ts';
import { Fleet } from './fleet.ts';
import { FullJournals } from './full-journals.ts';
import { HereFaults } from './here-faults.ts';
import { HereModel } from './here-model.ts';
import { type NetworkOptions, transportOf } from './here-network.ts';
import { Dead, type Ending, Life } from './life.ts';
import { LogIns } from './log-ins.ts';
import { People } from './people.ts';
import { Permits } from './permits.ts';
import type { ConnectionPlan, Plan } from './plan.ts';
import { MachineClock, processClock, SimTime } from './time.ts';
import { Trace } from './trace.ts';
import { type Uplink, Witness } from './witness.ts';

export interface Violation {
  readonly check: Check;
  readonly message: string;
  readonly atMs: number;
  /** What to look for in the trace. */
  readonly words: readonly string[];
}

/** A start that fails is repeated after this, as a service manager would. */
const RESTART_MS = 2_000;
/** SIGTERM must be done with by then. */
const STOP_WITHIN_MS = 10_000;

export class World {
  readonly plan: Plan;
  readonly time = new SimTime();
  readonly trace = new Trace(() => this.time.nowMs);
  readonly wall = new MachineClock(this.time);
  readonly witness: Witness;
  readonly broker: BrokerModel;
  readonly here: HereModel;
  readonly hereFaults: HereFaults;
  readonly disk: DiskModel;
  readonly database: DatabaseModel;
  readonly fleet: Fleet;
  readonly people: People;
  readonly logIns: LogIns;
  readonly states = new Map<string, string>();
  readonly violations: Violation[] = [];
  readonly faultKinds = new Set<string>();
  life: Life | null = null;
  /** When the last process ended; null: one lives. */
  #endedMs: number | null = null;
  crashes = 0;
  /** Accounts whose connections wait for a person although the password is right. */
  readonly lockedOut = new Set<string>();
  onLockedOut: (email: string) => void = () => {};
  /** Every planned fault is over: what goes wrong from now on, nobody has done. */
  isQuiet: () => boolean = () => false;
  /** Probes of devices that HERE did not know when they were sent. */
  unknownProbes = 0;
  /** When the last trouble, and what it left behind, was over. */
  troubleUntilMs = 0;
  /** By connection: when its journal was full, so that what its broker had waited behind all that was in it. */
  readonly fullJournals = new FullJournals();
  readonly #network: NetworkOptions;
  #process: BridgeProcess | null = null;
  #lives = 0;
  /** When the process was asked to stop; null: it was not. */
  #askedToStopMs: number | null = null;

  constructor(plan: Plan) {
    const dice = new Dice(plan.seed);
    const { time, trace } = this;
    const violated = (check: Check, message: string, words: readonly string[] = []): void =>
      this.violated(check, message, words);
    this.plan = plan;
    this.witness = new Witness(violated);
    this.disk = new DiskModel(time, dice.fork('disk'));
    this.database = new DatabaseModel({ time, losesPower: plan.losesPower, dice: dice.fork('database') });
    this.broker = new BrokerModel({ time, dice: dice.fork('broker'), trace, window: plan.brokerWindow });
    this.hereFaults = new HereFaults(dice.fork('here faults'));
    this.here = new HereModel({
      now: () => time.nowMs,
      dice: dice.fork('here'),
      witness: this.witness,
      accounts: plan.accounts.map(({ email, password, appIds }) => ({
        email,
        password,
        failures: 0,
        locked: false,
        expired: false,
        projects: appIds.map((appId) => ({ appId, projectId: `id-of-${appId}`, devices: new Set<string>() })),
        pairs: [],
      })),
      tokenLifetimeS: plan.tokenLifetimeS,
      hints: plan.hints,
      violated,
    });
    this.logIns = new LogIns(violated);
    this.fleet = new Fleet(time, this.broker, this.witness);
    this.people = new People({
      plan,
      broker: this.broker,
      dice: dice.fork('people'),
      onWritten: (_connection, email, password) => {
        this.logIns.allow(email, password);
        this.trouble();
      },
    });
    this.#network = {
      time,
      dice: dice.fork('network'),
      trace,
      here: this.here,
      faults: this.hereFaults,
      witness: this.witness,
      timeoutMs: plan.limits.timeoutMs,
      logIns: this.logIns,
      trouble: (untilMs) => this.trouble(untilMs),
    };
  }

  violated(check: Check, message: string, words: readonly string[] = []): void {
    this.trace.add(`! VIOLATION ${check}: ${message}`);
    this.violations.push({ check, message, atMs: this.time.nowMs, words });
  }

  trouble(untilMs = this.time.nowMs): void {
    this.troubleUntilMs = Math.max(this.troubleUntilMs, untilMs);
  }

  isDeleted(id: string): boolean {
    return this.people.isDeleted(this.plan.connections.findIndex((connection) => connection.id === id));
  }

  /**
   * Whether the bridge may have found it too old: by its clock, at its arrival or at any time since at which it may have waited.
   * `untilMs`: by then it had.
   */
  mayHaveExpired({ connection, emittedAt, handedMs }: Uplink, untilMs = this.#endedMs ?? this.time.nowMs): boolean {
    const { validity } = this.planOf(connection);
    if (validity === null || handedMs === null) return false;
    return this.wall.latest(handedMs, untilMs) - emittedAt > validity.ms;
  }

  planOf(id: string): ConnectionPlan {
    return this.plan.connections.find((connection) => connection.id === id) as ConnectionPlan;
  }

  /** Starts the bridge; a start that fails is repeated. */
  startBridge(): void {
    if (this.life?.alive === true) return;
    const { plan, time, trace } = this;
    const life = new Life(++this.#lives, (ending) => this.#onEnd(life, ending));
    this.life = life;
    this.#askedToStopMs = null;
    this.#endedMs = null;
    const dice = new Dice(plan.seed).fork(`process ${life.number}`);
    const clock = processClock(time, life, this.wall, dice.fork('clock'));
    const permits = new Permits(plan.limits, time, (check, message, words) => this.violated(check, message, words));
    trace.add(`! the bridge starts (process ${life.number})`);
    this.fullJournals.clear();
    const { isQuiet } = this;
    const wasQuiet = isQuiet();
    this.trouble();
    const process = new BridgeProcess({
      plan,
      clock,
      chance: dice.fork('chance'),
      disk: this.disk.portOf(life),
      storeParts: this.database.partsOf(life, this.disk, time),
      broker: this.broker.portOf(life, clock),
      transport: transportOf(this.#network, life, permits),
      onEvent: ({ kind, connectionId, message }) => {
        // What a killed process says in the turn in which it was killed nobody hears: it may be about a commit cut off half-way.
        if (!life.alive) return;
        trace.add(`* ${connectionId ?? 'worker'} ${kind}: ${message}`);
        // Log-ins whose answer never came may have been failures: the bridge makes no more of them without a person.
        if (kind === 'accountLocked' && connectionId !== null) this.#onLockedOut(connectionId);
        if (kind === 'journalFull') this.fullJournals.full(connectionId ?? '', time.nowMs);
        if (kind === 'journalHasRoom') this.fullJournals.hasRoom(connectionId ?? '', time.nowMs);
        if (kind === 'ledgerImbalance') this.violated('ledger', `${connectionId}: ${message}`);
      },
      onIncident: ({ kind, message }) => {
        trace.add(`* store ${kind}: ${message}`);
        if (kind !== 'tornTail' && kind !== 'upkeepFailed' && life.alive) this.violated('store', message);
      },
      onStatus: ({ id, state, reason }) => {
        const words = `${state}${reason === null ? '' : ` (${reason})`}`;
        if (this.states.get(id) !== words) trace.add(`* ${id} is ${words}`);
        this.states.set(id, words);
      },
      onLedger: (id, _ledger, off) => {
        if (off !== 0 && life.alive) this.violated('ledger', `the ledger of ${id} is off by ${off}`);
      },
    });
    this.#process = process;
    process.start().catch((error: unknown) => {
      if (!life.alive || error instanceof Dead) return;
      const words = `the bridge cannot start: ${error instanceof Error ? error.message : String(error)}`;
      trace.add(`! ${words}`);
      if (wasQuiet) this.violated('store', words);
      life.end('kill');
      time.after(RESTART_MS, () => this.startBridge());
    });
  }

  #onLockedOut(connectionId: string): void {
    const { account } = this.planOf(connectionId);
    const { email = '', locked = false } = this.here.options.accounts[account] ?? {};
    this.logIns.lockedOut(email, locked);
    this.lockedOut.add(email);
    this.onLockedOut(email);
  }

  /** A person replays all dead letters of a connection, if somebody is there to take them. */
  replay(connection: number): void {
    const id = this.plan.connections[connection]?.id;
    if (id === undefined || this.life?.alive !== true) return;
    const words = this.#process?.replay(id) ?? 'not yet running';
    this.trace.add(`! the dead letters of ${id} are replayed: ${words}`);
    if (words === 'ok') this.faultKinds.add('replay');
  }

  /** SIGTERM; `ended` when the process is gone. */
  stopBridge(ended: () => void): void {
    const { life, time, trace } = this;
    if (life === null || !life.alive || this.#process === null) {
      ended();
      return;
    }
    trace.add('! the bridge is asked to stop');
    const atMs = time.nowMs;
    this.#askedToStopMs ??= atMs;
    life.whenEnded(ended);
    const late = time.after(STOP_WITHIN_MS, () => this.violated('stop', 'the bridge did not stop within 10 s'), life);
    this.#process.stop().then(
      () => {
        late();
        if (!life.alive) return;
        trace.add(`! the bridge has stopped after ${Math.round(time.nowMs - atMs)} ms`);
        life.end('stop');
      },
      (error: unknown) => {
        if (life.alive) this.violated('stop', `the stop failed: ${String(error)}`);
      },
    );
  }

  #onEnd(life: Life, ending: Ending): void {
    this.trace.add(`! process ${life.number} is gone${ending === 'powerLoss' ? ', the power too' : ''}`);
    this.crashes += 1;
    this.#endedMs = this.time.nowMs;
    this.broker.end(life);
    this.disk.end(ending);
    const unsureSinceMs = this.database.end(ending, this.#askedToStopMs);
    this.witness.ended(unsureSinceMs);
    this.logIns.ended(unsureSinceMs, this.#loggingIn());
  }

  *#loggingIn(): Generator<string> {
    for (const { id, account } of this.plan.connections) {
      const email = this.here.options.accounts[account]?.email;
      if (email !== undefined && this.states.get(id)?.startsWith('AUTHENTICATING') === true) yield email;
    }
  }
}
