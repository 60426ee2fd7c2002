// Runs one seed of commands: the real way back over models of HERE's shadows, of the broker and of the devices, with kills and
// other trouble; then looks at what has become of every desire.
import { DatabaseModel } from '../database-model.ts';
import { Dice } from '../dice.ts';
import { DiskModel } from '../disk-model.ts';
import { Dead, Life } from '../life.ts';
import { processClock, SimTime } from '../time.ts';
import { Trace, type TraceLine } from '../trace.ts';
import { checkDesires, checkLedgers, type Trouble } from './command-checks.ts';
import { type CommandFault, type CommandPlan, type DesirePlan, drawCommandPlan, UNTIL_MS } from './command-plan.ts';
import { CommandProcess, openStore } from './command-process.ts';
import type { CommandVerdict } from './command-verdict.ts';
import { CommandWitness, fingerprint, type Wish } from './command-witness.ts';
import { NetworkModel } from './network-model.ts';
import { takeOver, untilDone } from './run-events.ts';
import { ShadowModel } from './shadow-model.ts';

const RESTART_MS = 2_000;

export async function simulateCommands(
  seed: number,
  onLine: ((line: TraceLine) => void) | null = null,
): Promise<CommandVerdict> {
  const world = new CommandWorld(drawCommandPlan(seed));
  world.trace.onLine = onLine;
  const restore = takeOver({
    time: world.time,
    life: () => world.life,
    onUncaught: (words) => world.violated('uncaught', words, []),
  });
  try {
    await world.run();
    if (world.violations.length === 0) await world.checkEnd();
    return world.verdict();
  } finally {
    restore();
    world.life?.end('kill');
    world.database.close();
  }
}

class CommandWorld {
  readonly plan: CommandPlan;
  readonly time = new SimTime();
  readonly trace = new Trace(() => this.time.nowMs);
  readonly violations: { readonly check: string; readonly message: string; readonly words: readonly string[] }[] = [];
  readonly database: DatabaseModel;
  life: Life | null = null;
  readonly #wall = { skewMs: 0 };
  readonly #disk: DiskModel;
  readonly #dice: Dice;
  readonly #witness: CommandWitness;
  readonly #shadows: ShadowModel;
  readonly #network: NetworkModel;
  readonly #troubles: Trouble[] = [];
  /** By connection: whether its definition has commands, and what the bridge knows of it. */
  readonly #isOff = new Set<number>();
  readonly #knownOff = new Set<number>();
  #process: CommandProcess | null = null;
  #lives = 0;
  #crashes = 0;
  #downlinkBytes = 0;
  #diskFullSince: number | null = null;

  constructor(plan: CommandPlan) {
    const dice = new Dice(plan.seed);
    const { time, trace } = this;
    this.plan = plan;
    this.#dice = dice.fork('world');
    this.#disk = new DiskModel(time, dice.fork('disk'));
    this.database = new DatabaseModel({ time, losesPower: false, dice: dice.fork('database') });
    this.#witness = new CommandWitness((check, message, words) => this.violated(check, message, words));
    this.#shadows = new ShadowModel({
      ...{ time, dice: dice.fork('here'), skewMs: plan.skewMs, jitterMs: plan.jitterMs },
      onReported: (device, version) => this.#witness.reported(device, version),
    });
    this.#network = new NetworkModel({
      ...{ plan, time, dice: dice.fork('network'), trace, witness: this.#witness, shadows: this.#shadows },
      diskFullSince: () => this.#diskFullSince,
    });
  }

  async run(): Promise<void> {
    const { time, plan } = this;
    for (const desire of plan.desires) time.at(desire.atMs, () => this.#desire(desire));
    for (const fault of plan.faults) time.at(fault.atMs, () => this.#begin(fault));
    this.#start();
    await this.#untilDone(() => time.nowMs >= UNTIL_MS);
  }

  async checkEnd(): Promise<void> {
    checkDesires({
      plan: this.plan,
      witness: this.#witness,
      shadows: this.#shadows,
      troubles: this.#troubles,
      nowMs: this.time.nowMs,
      violated: (check, message, words) => this.violated(check, message, words),
    });
    const { life } = this;
    if (life === null || this.#process === null) return;
    this.#process.stop().then(
      () => life.end('kill'),
      (error: unknown) => this.violated('stop', String(error), []),
    );
    const endMs = this.time.nowMs + 20_000;
    await this.#untilDone(() => !life.alive || this.time.nowMs >= endMs);
    if (life.alive) this.violated('stop', 'the process did not stop', []);
    await this.#checkLedgers();
  }

  verdict(): CommandVerdict {
    const { violations, trace } = this;
    const words = violations.flatMap((violation) => violation.words);
    const { desires } = this.#witness;
    return {
      seed: this.plan.seed,
      ok: violations.length === 0,
      hash: `${trace.hash}-${fingerprint(this.#witness)}`,
      violations,
      trace: violations.length === 0 ? [] : trace.shortened(words),
      desires: desires.length,
      downlinks: desires.reduce(
        (sum, { copies }) => sum + [...copies.values()].reduce((n, { count }) => n + count, 0),
        0,
      ),
      crashes: this.#crashes,
    };
  }

  violated(check: string, message: string, words: readonly string[]): void {
    this.trace.add(`! VIOLATION ${check}: ${message}`);
    this.violations.push({ check, message, words });
  }

  #start(): void {
    if (this.life?.alive === true) return;
    const { plan, time, trace } = this;
    const life = new Life(++this.#lives, () => {
      trace.add(`! process ${life.number} is gone`);
      this.database.end('kill');
      this.#disk.end('kill');
    });
    this.life = life;
    const dice = new Dice(plan.seed).fork(`process ${life.number}`);
    const clock = processClock(time, life, this.#wall, dice.fork('clock'));
    trace.add(`! process ${life.number} starts`);
    this.#knownOff.clear();
    for (const connection of this.#isOff) this.#knownOff.add(connection);
    const process = new CommandProcess({
      ...{ plan, clock, chance: dice.fork('chance'), disk: this.#disk.portOf(life) },
      storeParts: this.database.partsOf(life, this.#disk, time),
      shadows: this.#shadows.callsOf(life),
      publisher: this.#network.publisherOf(life),
      isEnabled: (connection) => !this.#isOff.has(connection),
      onEvent: (id, kind, message) => trace.add(`* ${id ?? 'worker'} ${kind}: ${message}`),
      onIncident: (message) => this.violated('store', message, []),
    });
    this.#process = process;
    process.start().then(
      () => {
        this.#network.read(life, process.flows, () => clock.now());
        time.after(dice.scaled(50, 3_000), () => process.open(), life);
      },
      (error: unknown) => {
        if (!life.alive || error instanceof Dead) return;
        trace.add(`! it cannot start: ${String(error)}`);
        life.end('kill');
        time.after(RESTART_MS, () => this.#start());
      },
    );
  }

  #desire({ device, wish }: DesirePlan): void {
    const { trace, time } = this;
    if (wish === 'recreate') {
      trace.add(`${device} is created anew`);
      this.#shadows.recreate(device);
      this.#witness.recreate(device, time.nowMs);
      return;
    }
    const last = this.#witness.ofDevice(device).findLast((desire) => desire.wish === 'command');
    const isRepeat = wish === 'repeat' && last !== undefined;
    const hex = isRepeat ? last.hex : (++this.#downlinkBytes).toString(16).padStart(4, '0');
    const kind = wish === 'repeat' ? 'command' : wish;
    const count = this.#downlinkBytes * 1_000 + this.#witness.desires.length;
    const settings = kind === 'setting' ? { rate: { sendMs: count } } : {};
    const version = this.#shadows.desire(device, payloadOf(kind, hex), settings);
    const connection = this.#network.connectionOf.get(device);
    const isUnwanted = connection === undefined;
    trace.add(`desire ${device} ${kind} ${hex} version ${version}`);
    this.#witness.desired({ device, wish: kind, hex, version, atMs: time.nowMs, isUnwanted, isUnclear: isRepeat });
  }

  /** What goes wrong is over after a while; what it leaves behind has its time too. */
  #begin(fault: CommandFault): void {
    const { time, trace } = this;
    const { atMs: _atMs, kind, ...rest } = fault;
    trace.add(`! ${kind} ${JSON.stringify(rest)}`);
    const over = (run: () => void): void => void time.after(fault.forMs, run);
    const network = this.#network;
    this.#troubles.push({ kind, fromMs: time.nowMs, untilMs: time.nowMs + fault.forMs });
    switch (fault.kind) {
      case 'kill': {
        const { life } = this;
        if (life?.alive !== true) return;
        this.#crashes += 1;
        if (fault.steps === 0) life.end('kill');
        else life.endAfter(fault.steps, 'kill');
        time.after(fault.forMs, () => life.end('kill'));
        life.whenEnded(() => void time.after(RESTART_MS, () => this.#start()));
        return;
      }
      case 'stop': {
        const { life } = this;
        if (life?.alive !== true) return;
        const ended = (): void => life.end('kill');
        this.#process?.stop().then(ended, ended);
        life.whenEnded(() => over(() => this.#start()));
        return;
      }
      case 'brokerAway':
      case 'deaf':
        network.suffer(fault.kind, true);
        over(() => network.suffer(fault.kind, false));
        return;
      case 'refusal':
        this.#shadows.refusal = fault.refusal;
        over(() => {
          this.#shadows.refusal = 'none';
        });
        return;
      case 'diskFull':
        this.#disk.full = true;
        this.#diskFullSince = time.nowMs;
        over(() => {
          this.#disk.full = false;
          time.after(5_000, () => {
            this.#diskFullSince = null;
          });
        });
        return;
      case 'clockStep':
        this.#wall.skewMs += fault.ms;
        return;
      case 'off':
        this.#switch(fault.connection, true);
        over(() => this.#switch(fault.connection, false));
        return;
      case 'move': {
        const before = network.connectionOf.get(fault.device);
        if (before !== undefined) network.connectionOf.set(fault.device, 1 - before);
      }
    }
  }

  #switch(connection: number, isOff: boolean): void {
    if (isOff) this.#isOff.add(connection);
    else this.#isOff.delete(connection);
    if (this.life?.alive === true) this.#process?.changed(connection);
  }

  async #checkLedgers(): Promise<void> {
    const life = new Life(0, () => {});
    const clock = processClock(this.time, life, this.#wall, this.#dice);
    const disk = this.#disk.portOf(life);
    const storeParts = this.database.partsOf(life, this.#disk, this.time);
    const onIncident = (message: string): void => this.violated('store', message, []);
    let isDone = false;
    const looking = openStore({ clock, disk, storeParts, onIncident }).then((store) => {
      checkLedgers(store, this.plan, this.#witness, (check, message, words) => this.violated(check, message, words));
      isDone = true;
    });
    looking.catch((error: unknown) => this.violated('store', String(error), []));
    const endMs = this.time.nowMs + 60_000;
    await this.#untilDone(() => isDone || this.time.nowMs >= endMs);
    if (!isDone) this.violated('store', 'it cannot be looked at', []);
  }

  #untilDone(isDone: () => boolean): Promise<void> {
    return untilDone(
      this.time,
      () => isDone() || this.violations.length > 0,
      (check, message) => this.violated(check, message, []),
    );
  }
}

/** undefined: it stays as it was. */
function payloadOf(wish: Wish, hex: string): unknown {
  if (wish === 'command') return { payload_hex: hex };
  if (wish === 'bad') return { payload_hex: `${hex}0` };
  return wish === 'removal' ? null : undefined;
}
