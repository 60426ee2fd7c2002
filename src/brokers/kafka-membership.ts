// This worker's membership in the consumer group that deals out the ownership topic: joins, answers for what it holds with
// heartbeats of its own timer, lets go of what it loses, and comes back by itself from whatever happens to Kafka.
import { describeError } from '../domain/errors.ts';
import type { Cancel, Chance, Clock } from '../domain/ports/clock.ts';
import type { OwnershipListener } from '../domain/ports/ownership.ts';
import {
  type Coordinator,
  decodeAssignment,
  decodeClaim,
  encodeAssignment,
  encodeClaim,
  failureOf,
  type GroupCluster,
} from './kafka-group.ts';
import { assignPartitions } from './sticky-assignment.ts';

export interface MembershipOptions {
  /** Opens a connection to the cluster; a new one after each that broke. */
  readonly openCluster: () => GroupCluster;
  readonly groupId: string;
  readonly topic: string;
  readonly partitions: number;
  /** Without a heartbeat for so long the group gives ours to others, and we serve nothing. */
  readonly sessionTimeoutMs: number;
  readonly heartbeatMs: number;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly listener: OwnershipListener;
}

const RETRY_MIN_MS = 200;
const RETRY_MAX_MS = 3_000;
const GROUP_REFUSED = 'GROUP_AUTHORIZATION_FAILED';
/** After a refusal that only a person can mend; wrong credentials are not hammered. */
const REFUSED_RETRY_MS = 30_000;
const LEAVE_MS = 2_000;

export class KafkaMembership {
  readonly #options: MembershipOptions;
  #running = false;
  #loop: Promise<void> = Promise.resolve();
  #cluster: GroupCluster | null = null;
  #coordinator: Coordinator | null = null;
  #memberId = '';
  #generation = -1;
  /** As dealt out last. */
  #owned: readonly number[] = [];
  /** Lost, and not let go of yet. */
  readonly #leaving = new Set<number>();
  #joinAgain = false;
  #confirmedUntilMs = Number.NEGATIVE_INFINITY;
  #wasConfirmed = false;
  #cancelLapse: Cancel = () => {};
  #wake: () => void = () => {};
  #troubled = false;

  constructor(options: MembershipOptions) {
    this.#options = options;
  }

  get owned(): readonly number[] {
    return this.#owned;
  }

  get confirmed(): boolean {
    return this.#options.clock.monotonic() < this.#confirmedUntilMs;
  }

  start(): void {
    this.#running = true;
    this.#loop = this.#run();
  }

  /** Leaves the group, as far as that can be said within two seconds. */
  async stop(): Promise<void> {
    if (!this.#running) return;
    this.#running = false;
    this.#cancelLapse();
    this.#wake();
    const [coordinator, memberId] = [this.#coordinator, this.#memberId];
    if (coordinator !== null && memberId !== '') {
      // Where this cannot be said, the group notices when the session times out.
      const left = coordinator.leaveGroup({ groupId: this.#options.groupId, memberId }).catch(() => {});
      await Promise.race([left, this.#pause(LEAVE_MS)]);
      this.#wake();
    }
    await this.#hangUp();
    this.#confirmedUntilMs = Number.NEGATIVE_INFINITY;
    await this.#loop;
  }

  async #run(): Promise<void> {
    let failures = 0;
    while (this.#running) {
      try {
        const coordinator = await this.#connect();
        await this.#join(coordinator);
        failures = 0;
        this.#tell(null);
        await this.#beat(coordinator);
      } catch (error) {
        if (!this.#running) return;
        const failure = failureOf(error);
        if (failure === 'rebalancing') continue;
        if (failure === 'expelled') {
          this.#memberId = '';
          // Ours may be another's by now.
          this.#confirmedUntilMs = Number.NEGATIVE_INFINITY;
          this.#lapse();
          continue;
        }
        failures += 1;
        this.#coordinator = null;
        await this.#hangUp();
        const fatal = failure === 'refused';
        // The first failure is often a coordinator on its way to another broker.
        if (fatal || failures > 1) this.#tell({ reason: this.#reasonOf(error), fatal });
        const ms = fatal ? REFUSED_RETRY_MS : Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** Math.min(failures - 1, 10));
        await this.#pause(ms * (0.5 + this.#options.chance.random() / 2));
      }
    }
  }

  /** kafkajs names neither the group nor the right. */
  #reasonOf(error: unknown): string {
    for (let at: unknown = error; at instanceof Error; at = at.cause) {
      const { type } = at as { type?: string };
      if (type !== GROUP_REFUSED) continue;
      return `Kafka does not allow it: the right Read on group "${this.#options.groupId}" is missing (${type})`;
    }
    return describeError(error);
  }

  async #connect(): Promise<Coordinator> {
    if (this.#coordinator !== null) return this.#coordinator;
    this.#cluster ??= this.#options.openCluster();
    await this.#cluster.connect();
    await this.#cluster.refreshMetadata();
    this.#coordinator = await this.#cluster.findGroupCoordinator({ groupId: this.#options.groupId });
    return this.#coordinator;
  }

  async #join(coordinator: Coordinator): Promise<void> {
    const { groupId, topic, partitions, sessionTimeoutMs } = this.#options;
    this.#joinAgain = false;
    const held = [...new Set([...this.#owned, ...this.#leaving])];
    const joined = await coordinator.joinGroup({
      groupId,
      sessionTimeout: sessionTimeoutMs,
      rebalanceTimeout: sessionTimeoutMs,
      memberId: this.#memberId,
      groupProtocols: [encodeClaim(topic, { held, generation: this.#generation })],
    });
    this.#memberId = joined.memberId;
    const { generationId, memberId } = joined;
    const isLeader = joined.leaderId === memberId;
    const members = isLeader ? joined.members.map((each) => decodeClaim(each.memberId, each.memberMetadata)) : [];
    const groupAssignment = [...assignPartitionsOf(members, partitions)].map(([id, given]) => {
      return { memberId: id, memberAssignment: encodeAssignment(topic, given) };
    });
    const askedMs = this.#options.clock.monotonic();
    const { memberAssignment } = await coordinator.syncGroup({ groupId, generationId, memberId, groupAssignment });
    if (!this.#running) return;
    this.#generation = generationId;
    // Taken over before it counts as confirmed: what was lost must not be served for a moment more.
    this.#take(decodeAssignment(topic, memberAssignment));
    this.#heardFrom(askedMs);
  }

  #take(given: readonly number[]): void {
    const { listener } = this.#options;
    const before = new Set(this.#owned);
    const now = new Set(given);
    this.#owned = [...now].sort((a, b) => a - b);
    const lost = [...before].filter((partition) => !now.has(partition));
    const gained = this.#owned.filter((partition) => !before.has(partition));
    if (lost.length > 0) {
      for (const partition of lost) this.#leaving.add(partition);
      void listener.onLost(lost).then(() => {
        for (const partition of lost) this.#leaving.delete(partition);
        // Now others may have them.
        this.#joinAgain = true;
        this.#wake();
      });
    }
    if (gained.length > 0) listener.onGained(gained);
  }

  /** Until the group deals out anew. */
  async #beat(coordinator: Coordinator): Promise<void> {
    const { groupId, heartbeatMs, sessionTimeoutMs, clock } = this.#options;
    while (this.#running && !this.#joinAgain) {
      await this.#pause(heartbeatMs);
      if (!this.#running || this.#joinAgain) return;
      const askedMs = clock.monotonic();
      const request = { groupId, groupGenerationId: this.#generation, memberId: this.#memberId };
      try {
        await this.#within(sessionTimeoutMs / 2, coordinator.heartbeat(request));
      } catch (error) {
        if (failureOf(error) === 'rebalancing') this.#heardFrom(askedMs);
        throw error;
      }
      this.#heardFrom(askedMs);
    }
  }

  /** `askedMs`: when the request was sent; the coordinator's own timer began later. */
  #heardFrom(askedMs: number): void {
    const { sessionTimeoutMs, listener } = this.#options;
    // Lapsed, and its timer is late: who could not act in between must be told that it may again.
    this.#lapse();
    this.#confirmedUntilMs = Math.max(this.#confirmedUntilMs, askedMs + sessionTimeoutMs);
    this.#watchLapse();
    if (this.#wasConfirmed || !this.confirmed) return;
    this.#wasConfirmed = true;
    listener.onConfirmed(true);
  }

  #watchLapse(): void {
    const { clock } = this.#options;
    this.#cancelLapse();
    this.#cancelLapse = clock.after(this.#confirmedUntilMs - clock.monotonic(), () => {
      // Timers know whole milliseconds, and come up to one too early.
      if (this.confirmed) this.#watchLapse();
      else this.#lapse();
    });
  }

  #lapse(): void {
    if (this.confirmed || !this.#wasConfirmed) return;
    this.#wasConfirmed = false;
    this.#options.listener.onConfirmed(false);
  }

  #tell(trouble: { readonly reason: string; readonly fatal: boolean } | null): void {
    if (trouble === null && !this.#troubled) return;
    this.#troubled = trouble !== null;
    this.#options.listener.onTrouble(trouble);
  }

  async #hangUp(): Promise<void> {
    const cluster = this.#cluster;
    this.#cluster = null;
    this.#coordinator = null;
    // A connection that hangs is left to itself.
    if (cluster !== null) await this.#within(LEAVE_MS, cluster.disconnect()).catch(() => {});
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        cancel();
        resolve();
      };
      const cancel = this.#options.clock.after(ms, done);
      this.#wake = done;
    });
  }

  #within<T>(ms: number, work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const cancel = this.#options.clock.after(ms, () => reject(new Error(`Kafka did not answer within ${ms} ms`)));
      work.then(resolve, reject).finally(cancel);
    });
  }
}

function assignPartitionsOf(members: Parameters<typeof assignPartitions>[0], partitions: number) {
  return members.length === 0 ? new Map<string, readonly number[]>() : assignPartitions(members, partitions);
}
