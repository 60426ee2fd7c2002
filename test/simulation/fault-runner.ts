// Lets the planned faults happen, and lets those whose work it is put them right.
import { topicFilterOf } from './fleet.ts';
import type { HereProjectModel } from './here-model.ts';
import type { RenameCrash } from './plan.ts';
import type { PlannedFault } from './plan-faults.ts';
import type { World } from './world.ts';

/** A process that is to die again after its start gets so many steps at most. */
const START_STEPS = 300;
/** A process that does nothing is killed all the same. */
const DIES_WITHIN_MS = 3_000;
/** A person restarts a held connection so long after what held it is put right. */
const PERSON_MS = 2_000;

export class FaultRunner {
  readonly #world: World;
  readonly #dice;
  /** Faults that are not over. */
  #open = 0;

  constructor(world: World) {
    this.#world = world;
    this.#dice = world.people.dice;
    for (const fault of world.plan.faults) world.time.at(fault.atMs, () => this.#begin(fault));
    this.#open = world.plan.faults.length;
    const { renameCrash, faults } = world.plan;
    if (renameCrash !== null) this.#crashAtRename(renameCrash, faults.at(-1)?.atMs ?? 0);
  }

  get allOver(): boolean {
    return this.#open === 0;
  }

  #begin(fault: PlannedFault): void {
    const { world } = { world: this.#world };
    world.trace.add(`! ${words(fault)}`);
    world.faultKinds.add(
      fault.kind === 'here' ? fault.fault.kind : fault.kind === 'definition' ? fault.change : fault.kind,
    );
    world.trouble();
    const over = (): void => this.#over();
    const after = (ms: number, run: () => void): void => {
      world.time.after(ms, () => {
        run();
        over();
      });
    };
    switch (fault.kind) {
      case 'here':
        this.#here(fault, after);
        return;
      case 'tooLarge':
        world.here.maxRecords = fault.records;
        world.here.maxBytes = fault.bytes;
        after(fault.forMs, () => {
          world.here.maxRecords = Number.POSITIVE_INFINITY;
          world.here.maxBytes = Number.POSITIVE_INFINITY;
        });
        return;
      case 'slowJobs':
        world.here.jobDelayMs = fault.ms;
        after(fault.forMs, () => {
          world.here.jobDelayMs = 0;
          world.trouble(world.time.nowMs + fault.ms);
        });
        return;
      case 'revoke': {
        const account = world.here.options.accounts[fault.account];
        if (account !== undefined) world.here.revoke(account);
        over();
        return;
      }
      case 'forgetDevices':
        this.#forgetDevices(fault);
        over();
        return;
      case 'brokerAway':
        world.broker.leave();
        after(fault.forMs, () => world.broker.comeBack());
        return;
      case 'brokerReset':
        world.broker.reset();
        over();
        return;
      case 'diskFull':
        world.disk.full = true;
        after(fault.forMs, () => {
          world.disk.full = false;
        });
        return;
      case 'diskSlow':
        world.disk.slowMs = fault.ms;
        after(fault.forMs, () => {
          world.disk.slowMs = 0;
        });
        return;
      case 'diskError':
        world.disk.failures += fault.writes;
        over();
        return;
      case 'crash':
        this.#crash(fault, fault.again, fault.calls);
        return;
      case 'stop':
        world.stopBridge(() => after(fault.forMs, () => world.startBridge()));
        return;
      case 'clockStep':
        world.wall.step(fault.ms);
        over();
        return;
      case 'definition':
        this.#definition(fault, after);
        return;
      case 'definitionsLost':
        world.broker.loseRetained();
        after(fault.forMs, () => world.people.begin());
        return;
      case 'licenceExpired':
        this.#licenceExpired(fault.account, fault.forMs, after);
        return;
      case 'passwordChanged':
        this.#passwordChanged(fault.account, fault.forMs, after);
    }
  }

  #over(): void {
    this.#open -= 1;
    this.#world.trouble();
  }

  #here({ fault, forMs }: PlannedFault & { kind: 'here' }, after: (ms: number, run: () => void) => void): void {
    const world = this.#world;
    world.hereFaults.begin(fault);
    if (fault.kind !== 'forbidden') {
      after(forMs, () => world.hereFaults.end(fault));
      return;
    }
    // What HERE forbids holds the connection until a person has put it right.
    world.time.after(forMs, () => {
      world.hereFaults.end(fault);
      after(PERSON_MS, () => world.people.restartAll(fault.email));
    });
  }

  #forgetDevices(fault: PlannedFault & { kind: 'forgetDevices' }): void {
    const { plan, here } = this.#world;
    const connection = plan.connections[fault.connection];
    if (connection === undefined || !connection.createDevices) return;
    const projects: readonly HereProjectModel[] = here.options.accounts[connection.account]?.projects ?? [];
    for (const { device } of connection.devices) {
      if (!this.#dice.isLucky(fault.share)) continue;
      for (const project of projects) project.devices.delete(device);
    }
  }

  /** Now, or in the midst of what the process does next; should it do nothing, it dies all the same. */
  #crash(fault: PlannedFault & { kind: 'crash' }, again: number, calls: number): void {
    const world = this.#world;
    const { life } = world;
    const revive = (): void => {
      world.time.after(fault.forMs, () => {
        world.startBridge();
        if (again === 0) this.#over();
        else this.#crash(fault, again - 1, Math.floor(this.#dice.scaled(1, START_STEPS)));
      });
    };
    if (life === null) {
      revive();
      return;
    }
    if (calls < 0) life.end(fault.ending);
    else life.endAfter(calls, fault.ending);
    world.time.after(DIES_WITHIN_MS, () => life.end(fault.ending));
    life.whenEnded(revive);
  }

  #crashAtRename({ atMs, ...how }: RenameCrash, untilMs: number): void {
    const { time, disk } = this.#world;
    const disarm = (): void => {
      disk.onReplaced = () => {};
    };
    time.at(atMs, () => {
      disk.onReplaced = () => {
        disarm();
        this.#open += 1;
        this.#begin({ kind: 'crash', atMs: time.nowMs, again: 0, ...how });
      };
    });
    // The last probes go out then.
    time.at(untilMs, disarm);
  }

  #definition(
    { change, connection, forMs }: PlannedFault & { kind: 'definition' },
    after: (ms: number, run: () => void) => void,
  ): void {
    const { people } = this.#world;
    people.change(connection, change);
    if (change === 'topics') this.#followTopics(connection);
    else after(forMs, () => people.takeBack(connection, change));
  }

  /** The network follows when the bridge has subscribed: uplinks that nobody has subscribed to are nobody's loss. */
  #followTopics(connection: number): void {
    const { people, fleet, plan, broker, time } = this.#world;
    const id = plan.connections[connection]?.id ?? '';
    const wanted = people.topicsOf(connection);
    // Nobody will ever subscribe for one that is deleted, before this change or after it.
    if (people.isDeleted(connection)) this.#over();
    else if (broker.isSubscribed(topicFilterOf(id, wanted))) {
      fleet.topics.set(id, wanted);
      this.#over();
    } else time.after(50, () => this.#followTopics(connection));
  }

  #licenceExpired(account: number, forMs: number, after: (ms: number, run: () => void) => void): void {
    const { here, people, time } = this.#world;
    const model = here.options.accounts[account];
    if (model === undefined) return;
    model.expired = true;
    time.after(forMs, () => {
      model.expired = false;
      after(PERSON_MS, () => people.restartAll(model.email));
    });
  }

  #passwordChanged(account: number, forMs: number, after: (ms: number, run: () => void) => void): void {
    const { here, people } = this.#world;
    const model = here.options.accounts[account];
    if (model === undefined) return;
    const password = `changed-${this.#dice.whole(0, 1e9)}`;
    model.password = password;
    here.revoke(model);
    after(forMs, () => people.enterPassword(account, model.password));
  }
}

function words(fault: PlannedFault): string {
  const { atMs: _atMs, kind, ...rest } = fault;
  return `${kind} ${JSON.stringify(rest)}`;
}
