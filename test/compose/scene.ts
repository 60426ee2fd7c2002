// The running stack as the faults see it: who serves what, what has arrived, and each fault with what must hold through it.
import type { ClusterWorker } from '../../src/domain/ports/cluster.ts';
import { check, waitUntil, within } from './checks.ts';
import { docker, inspect, type Stack } from './engine.ts';
import type { Load, Tenant } from './load.ts';
import { type SandboxView, type Topics, Worker } from './observe.ts';

const SETTLE_MS = 120_000;
/** What a take-over may take. */
const TAKEOVER_MS = 15_000;
/** A worker that is told to stop hands over within a second or two; its settling may take four more. */
const HANDOVER_MS = 10_000;
/** Kafka's absence is longer than the session time-out of the group. */
const KAFKA_AWAY_MS = 8_000;
const PARTITIONS = 64;
/** An uplink waits no longer for HERE while all is well. */
const JOURNALLED_MS = 3_000;
/** A worker says its ledgers once a second. */
const LEDGERS_SAID_MS = 3_000;

export interface SceneParts {
  readonly stack: Stack;
  readonly tenants: readonly Tenant[];
  readonly load: Load;
  readonly topics: Topics;
  readonly sandbox: SandboxView;
}

/** A time in which connections change their worker, wall clock, ms. */
export interface Move {
  readonly from: number;
  readonly to: number;
  /** Those that did; absent: any may have. */
  readonly ids?: readonly string[];
}

export class Scene {
  readonly #parts: SceneParts;
  /** What is taken in these times may wait in a journal of the worker before, and arrive after what the next one takes. */
  readonly moves: Move[] = [];

  constructor(parts: SceneParts) {
    this.#parts = parts;
  }

  /**
   * All partitions dealt evenly to `count` living workers, and every connection open. Each worker's container by its host name.
   * A newcomer is alive and confirmed before it is dealt any, while the others still hold them all: hence a share of each.
   */
  async settled(count: number): Promise<readonly ClusterWorker[]> {
    const { stack, tenants, topics } = this.#parts;
    let workers: readonly ClusterWorker[] = [];
    await waitUntil(`${count} workers share ${PARTITIONS} partitions, and all is OPENED`, SETTLE_MS, async () => {
      const running = await runningBridges(stack);
      workers = (await (await anyWorker(running)).workers()).filter(({ alive, confirmed }) => alive && confirmed);
      const held = workers.map(({ partitions }) => partitions.length);
      const areDealt =
        held.reduce((sum, each) => sum + each, 0) === PARTITIONS &&
        held.every((each) => each >= Math.floor(PARTITIONS / count));
      if (running.length !== count || workers.length !== count || !areDealt) {
        return `${running.length} bridges run, alive are ${workers.length}: ${shares(workers)}`;
      }
      const waiting = tenants.flatMap(({ id }) => {
        const status = topics.status(id);
        if (status?.state === 'OPENED' && status.source?.up === true) return [];
        return [`${id} is ${status?.state}, source ${status?.source?.up ? 'up' : 'down'}`];
      });
      return waiting.length === 0 || waiting.join(', ');
    });
    return workers;
  }

  async killOne(): Promise<void> {
    const from = Date.now() - JOURNALLED_MS;
    await this.#killOne();
    this.moves.push({ from, to: Date.now() });
  }

  async #killOne(): Promise<void> {
    const workers = await this.settled(3);
    const [victim, ids] = this.#busiest(workers);
    const others = this.#idsOf(workers).filter((id) => !ids.includes(id));
    const sinceBefore = others.map((id) => this.#parts.topics.status(id)?.since);
    const killedMs = performance.now();
    await docker(['kill', victim.host]);
    const state = await inspect(victim.host, '{{.State.Status}} {{.State.ExitCode}}');
    check('a bridge is killed under load', state === 'exited 137', `${state}, it served ${ids.length} connections`);
    const isBack = await this.#sendsAgain(ids, TAKEOVER_MS * 2);
    // From the order to kill on, the engine's time included.
    const took = isBack === Number.POSITIVE_INFINITY ? isBack : performance.now() - killedMs;
    check(
      'its connections send again within 15 s',
      took <= TAKEOVER_MS,
      `${(took / 1000).toFixed(1)} s, ${ids.length} of them`,
    );
    const sinceAfter = others.map((id) => this.#parts.topics.status(id)?.since);
    const moved = others.filter((_, at) => sinceBefore[at] !== sinceAfter[at]);
    check(
      'the others’ connections go on untouched',
      others.length > 0 && moved.length === 0,
      `${others.length}, moved: ${moved.join(', ') || 'none'}`,
    );
    await docker(['start', victim.host]);
    await healthy(victim.host);
    const back = await this.settled(3);
    check(
      'it comes back and takes its share',
      back.every(({ partitions }) => partitions.length >= 21),
      shares(back),
    );
  }

  async restartKafka(): Promise<void> {
    const { stack } = this.#parts;
    const bridges = await runningBridges(stack);
    const lives = async (): Promise<string> =>
      (await Promise.all(bridges.map((id) => inspect(id, '{{.State.StartedAt}} {{.State.Running}}')))).join(' ');
    const before = await lives();
    const received = this.#received();
    const from = Date.now() - JOURNALLED_MS;
    const kafka = await stack.container('kafka');
    await docker(['kill', kafka]);
    await new Promise((resolve) => setTimeout(resolve, KAFKA_AWAY_MS));
    const states = await Promise.all(bridges.map((id) => inspect(id, '{{.State.Health.Status}}')));
    check(
      'the bridges live on without Kafka',
      states.every((state) => state === 'healthy') && (await lives()) === before,
      states.join(', '),
    );
    await docker(['start', kafka]);
    await healthy(kafka);
    const startMs = performance.now();
    const took = await this.#sendsAgain(
      this.#parts.tenants.map(({ id }) => id),
      SETTLE_MS,
    );
    const workers = await this.settled(3);
    check(
      'all connections send again once Kafka is back',
      took < SETTLE_MS,
      `${(took / 1000).toFixed(1)} s, all settled after ${((performance.now() - startMs) / 1000).toFixed(1)} s, ${shares(workers)}`,
    );
    check('no bridge was restarted', (await lives()) === before, `${bridges.length} bridges`);
    // They come back to their group one by one: a connection may go to one that was there before its own worker.
    await new Promise((resolve) => setTimeout(resolve, LEDGERS_SAID_MS));
    this.moves.push({ from, to: Date.now(), ids: this.#takenByTwo(received) });
  }

  #received(): ReadonlyMap<string, ReadonlyMap<string, number>> {
    return new Map(this.#parts.tenants.map(({ id }) => [id, this.#parts.topics.received(id)]));
  }

  /** Connections of which more than one worker has taken uplinks since. */
  #takenByTwo(before: ReadonlyMap<string, ReadonlyMap<string, number>>): readonly string[] {
    const grownAt = (id: string): number =>
      [...this.#parts.topics.received(id)].filter(([worker, now]) => now > (before.get(id)?.get(worker) ?? 0)).length;
    return [...before.keys()].filter((id) => grownAt(id) > 1);
  }

  async scaleTo(count: number): Promise<void> {
    const from = Date.now() - JOURNALLED_MS;
    await this.#scaleTo(count);
    this.moves.push({ from, to: Date.now() });
  }

  async #scaleTo(count: number): Promise<void> {
    const { stack } = this.#parts;
    const before = await runningBridges(stack);
    const served = new Map((await this.settled(before.length)).map((each) => [each.host, this.#own(each)]));
    await stack.scale(count);
    const now = await runningBridges(stack);
    const gone = before.filter((id) => !now.includes(id));
    const ids = gone.flatMap((id) => served.get(id.slice(0, 12)) ?? []);
    const took = await this.#sendsAgain(ids, SETTLE_MS);
    const workers = await this.settled(count);
    const quick = gone.length === 0 || took <= HANDOVER_MS;
    const handed =
      gone.length === 0
        ? ''
        : `, ${ids.length} connections of the one that left send again after ${(took / 1000).toFixed(1)} s`;
    check(`${count} workers after scaling`, quick && workers.length === count, `${shares(workers)}${handed}`);
  }

  /** How long until an uplink of each has arrived that was acknowledged from now on, in ms. */
  async #sendsAgain(ids: readonly string[], timeoutMs: number): Promise<number> {
    const { load, sandbox, tenants } = this.#parts;
    const from = new Map(ids.map((id) => [id, load.acknowledged(id).length]));
    const startMs = performance.now();
    const all = await within(timeoutMs, async () => {
      await sandbox.look();
      return ids.every((id) => {
        const { appId } = tenants.find((each) => each.id === id) as Tenant;
        const { accepted } = sandbox.arrivals(appId);
        return load
          .acknowledged(id)
          .slice(from.get(id))
          .some(({ key }) => accepted.has(key));
      });
    });
    return all ? performance.now() - startMs : Number.POSITIVE_INFINITY;
  }

  #busiest(workers: readonly ClusterWorker[]): [ClusterWorker, readonly string[]] {
    const sorted = [...workers].sort((a, b) => this.#own(b).length - this.#own(a).length);
    const victim = sorted[0] as ClusterWorker;
    return [victim, this.#own(victim)];
  }

  #idsOf(workers: readonly ClusterWorker[]): readonly string[] {
    return workers.flatMap((each) => this.#own(each));
  }

  /** Its connections of the run; the demo's have no part in it. */
  #own({ connections }: ClusterWorker): readonly string[] {
    return connections.filter((id) => this.#parts.tenants.some((tenant) => tenant.id === id));
  }
}

/** Containers' short ids, which are their host names. */
export async function runningBridges(stack: Stack): Promise<readonly string[]> {
  const ids = await stack.containers('bridge');
  const states = await Promise.all(ids.map((id) => inspect(id, '{{.State.Running}}')));
  return ids.filter((_, at) => states[at] === 'true').map((id) => id.slice(0, 12));
}

export async function anyWorker(containers: readonly string[]): Promise<Worker> {
  const [container] = containers;
  if (container === undefined) throw new Error('no bridge runs');
  const address = (await docker(['port', container, '8080'])).trim().split('\n')[0];
  return new Worker(`http://${address}`);
}

export async function healthy(container: string): Promise<void> {
  const look = async (): Promise<boolean> => (await inspect(container, '{{.State.Health.Status}}')) === 'healthy';
  await waitUntil(`container ${container} is healthy`, 120_000, look);
}

function shares(workers: readonly ClusterWorker[]): string {
  return `partitions ${workers.map(({ partitions }) => partitions.length).join(' + ')}`;
}
