// Membership in the group that deals out the partitions, against a model of its coordinator and on a clock of our own.
import { expect, onTestFinished, test } from 'vitest';
import { type Coordinator, decodeClaim, encodeAssignment, type GroupCluster } from '../../src/brokers/kafka-group.ts';
import { KafkaMembership } from '../../src/brokers/kafka-membership.ts';
import { ManualClock } from '../support/manual-clock.ts';

const TOPIC = 'ownership';

/** A group of one real member; what it is given is the test's to say. */
class ModelGroup implements Coordinator {
  /** What a rebalance gives to the member. */
  given: readonly number[] = [0, 1];
  answer: 'ok' | 'silent' | 'REBALANCE_IN_PROGRESS' | 'UNKNOWN_MEMBER_ID' = 'ok';
  generation = 0;
  joins = 0;
  left = false;
  claimed: readonly number[] = [];
  memberIds: string[] = [];

  async joinGroup({ memberId, groupProtocols }: Parameters<Coordinator['joinGroup']>[0]) {
    this.joins += 1;
    this.generation += 1;
    this.answer = 'ok';
    this.memberIds.push(memberId);
    this.claimed = decodeClaim('x', groupProtocols[0]?.metadata ?? Buffer.alloc(0)).held;
    const member = memberId === '' ? `member-${this.joins}` : memberId;
    return { generationId: this.generation, leaderId: 'another', memberId: member, members: [] };
  }
  async syncGroup() {
    return { memberAssignment: encodeAssignment(TOPIC, this.given) };
  }
  async heartbeat(): Promise<void> {
    if (this.answer === 'silent') return new Promise(() => {});
    if (this.answer !== 'ok') throw Object.assign(new Error(this.answer), { type: this.answer });
  }
  async leaveGroup(): Promise<void> {
    this.left = true;
  }
}

function useMembership(group: ModelGroup) {
  const clock = new ManualClock();
  const said: string[] = [];
  let letGo = Promise.withResolvers<void>();
  const cluster: GroupCluster = {
    connect: async () => {},
    disconnect: async () => {},
    refreshMetadata: async () => {},
    findGroupCoordinator: async () => {
      if (group.answer === 'silent') throw new Error('ECONNREFUSED');
      return group;
    },
  };
  const membership = new KafkaMembership({
    ...{ openCluster: () => cluster, groupId: 'g', topic: TOPIC, partitions: 4, clock },
    ...{ sessionTimeoutMs: 6_000, heartbeatMs: 1_000, chance: { random: () => 0.5, uuid: () => 'id' } },
    listener: {
      onGained: (partitions) => void said.push(`gained ${partitions}`),
      onLost: (partitions) => {
        said.push(`lost ${partitions}`);
        return letGo.promise;
      },
      onConfirmed: (confirmed) => void said.push(confirmed ? 'confirmed' : 'unconfirmed'),
      onTrouble: (trouble) => void said.push(trouble === null ? 'well' : 'trouble'),
    },
  });
  membership.start();
  onTestFinished(() => membership.stop());
  const settle = () => {
    letGo.resolve();
    letGo = Promise.withResolvers();
  };
  const pass = (ms: number) => clock.advance(ms);
  return { membership, clock, said, settle, pass };
}

test('what is given is taken, and confirmed by heartbeats for as long as they are answered', async () => {
  const group = new ModelGroup();
  const { membership, said, pass } = useMembership(group);
  await pass(100);
  expect(said).toEqual(['gained 0,1', 'confirmed']);
  await pass(60_000);
  expect(membership.confirmed).toBe(true);
  expect(group.joins).toBe(1);
});

test('without an answer for a session time-out nothing is confirmed; what it had stays claimed, and goes on when it may', async () => {
  const group = new ModelGroup();
  const { membership, said, pass } = useMembership(group);
  await pass(2_000);
  group.answer = 'silent';
  await pass(5_000);
  expect(membership.confirmed).toBe(true);
  await pass(2_000);
  expect(membership.confirmed).toBe(false);
  expect(said).toContain('unconfirmed');
  expect(membership.owned).toEqual([0, 1]);
  group.answer = 'ok';
  await pass(8_000);
  expect(membership.confirmed).toBe(true);
  expect(group.claimed).toEqual([0, 1]);
  expect(said.filter((word) => word.startsWith('gained') || word.startsWith('lost'))).toEqual(['gained 0,1']);
});

test('frozen past the session time-out it is unconfirmed at once, before any timer has run', async () => {
  const { membership, clock, pass } = useMembership(new ModelGroup());
  await pass(2_000);
  const before = clock.monotonic();
  expect(membership.confirmed).toBe(true);
  Object.defineProperty(clock, 'monotonic', { value: () => before + 9_000 });
  expect(membership.confirmed).toBe(false);
});

test('a timer that comes a moment too early does not hide that it has lapsed, nor that it is back', async () => {
  const group = new ModelGroup();
  const { said, clock, pass } = useMembership(group);
  const after = clock.after.bind(clock);
  clock.after = (ms, run) => after(ms > 1_000 ? ms - 0.4 : ms, run);
  await pass(2_000);
  group.answer = 'silent';
  await pass(20_000);
  expect(said).toContain('unconfirmed');
  group.answer = 'ok';
  await pass(40_000);
  expect(said.lastIndexOf('confirmed')).toBeGreaterThan(said.indexOf('unconfirmed'));
});

test('what it loses it still claims until it has let go of it, and then it joins again so that others may have it', async () => {
  const group = new ModelGroup();
  const { said, settle, pass } = useMembership(group);
  await pass(100);
  group.given = [0];
  group.answer = 'REBALANCE_IN_PROGRESS';
  await pass(2_000);
  expect(said).toContain('lost 1');
  expect(group.claimed).toEqual([0, 1]);
  const joins = group.joins;
  await pass(3_000);
  expect(group.joins).toBe(joins);
  settle();
  await pass(1_000);
  expect(group.joins).toBe(joins + 1);
  expect(group.claimed).toEqual([0]);
});

test('expelled, it is unconfirmed at once and joins as a new member', async () => {
  const group = new ModelGroup();
  const { membership, said, pass } = useMembership(group);
  await pass(100);
  group.answer = 'UNKNOWN_MEMBER_ID';
  await pass(2_000);
  expect(said).toEqual(['gained 0,1', 'confirmed', 'unconfirmed', 'confirmed']);
  expect(group.memberIds).toEqual(['', '']);
  expect(membership.owned).toEqual([0, 1]);
});

test('told to stop it leaves the group', async () => {
  const group = new ModelGroup();
  const { membership, pass } = useMembership(group);
  await pass(100);
  const stopped = membership.stop();
  await pass(100);
  await stopped;
  expect(group.left).toBe(true);
});
