// Who may write to the workers' topic ends no worker, and is told of; a worker beside another one on a prefix gives way.
import { describe, expect, it } from 'vitest';
import { watchPrefix } from '../../src/connections/claim-prefix.ts';
import { type Heartbeat, heartbeatOf } from '../../src/connections/heartbeat.ts';
import { HeartbeatSeal } from '../../src/connections/heartbeat-seal.ts';
import type { BridgeError } from '../../src/domain/errors.ts';
import type { NewEvent } from '../../src/domain/events.ts';
import { openSecretBox } from '../../src/store/secrets.ts';
import { ModelBroker } from '../support/fakes/model-broker.ts';
import { ManualClock } from '../support/manual-clock.ts';

const sealOf = (key: string) => new HeartbeatSeal('hb', openSecretBox({ dataDir: '/nowhere', key: key.repeat(32) }));
const seal = sealOf('11');
const otherKey = sealOf('22');

class World {
  readonly broker = new ModelBroker();
  readonly clock = new ManualClock();
  readonly events: NewEvent[] = [];

  watch(name: string, group: string | null = null): BridgeError[] {
    const ousted: BridgeError[] = [];
    watchPrefix({
      ...{ broker: this.broker, clock: this.clock, seal, group, identity: { id: name, host: 'h', dataDir: '/x' } },
      events: { emit: (event) => this.events.push(event) },
      onOusted: (error) => ousted.push(error),
    });
    return ousted;
  }

  heartbeat(id: string, beat: number, alive = true, more: Partial<Heartbeat> = {}): Heartbeat {
    const identity = { id, host: 'h', pid: 42, startedAt: 's', dataDir: '/x', versions: {} };
    return { ...heartbeatOf(identity, alive, beat, 5000, this.clock.now()), ...more };
  }

  /** `by` null: not signed. */
  say(by: HeartbeatSeal | null, beat: Heartbeat): void {
    this.broker.put(`hb/workers/${beat.id}`, by === null ? JSON.stringify(beat) : by.write(beat));
  }

  get kinds(): string[] {
    return [...new Set(this.events.map(({ kind, key }) => `${kind} ${key ?? ''}`))];
  }
}

const membership = {
  group: 'g',
  address: 'http://evil',
  partitions: [1],
  confirmed: true,
  serves: true,
  keyId: seal.keyId,
};

describe('watchPrefix', () => {
  it('of two workers that live at the same time, tells the one whose name sorts last, once', async () => {
    const world = new World();
    const [first, last] = [world.watch('a'), world.watch('c')];
    await world.clock.advance(3_600_000);
    for (let n = 1; n < 5; n++) for (const id of ['a', 'c']) world.say(seal, world.heartbeat(id, n));
    expect(first).toEqual([]);
    expect(last).toMatchObject([{ code: 'prefixInUse', exitCode: 75, message: expect.stringContaining('"a"') }]);
    expect(world.events).toEqual([]);
  });

  it('takes no notice of its own heartbeats, of last wills, of old copies and of junk', () => {
    const world = new World();
    const ousted = world.watch('me');
    world.say(seal, world.heartbeat('a', 7));
    world.say(seal, world.heartbeat('a', 7));
    for (let n = 1; n < 4; n++) world.say(seal, world.heartbeat('b', n, false));
    for (let n = 1; n < 4; n++) world.say(null, world.heartbeat('me', n));
    world.broker.put('hb/workers/c', 'junk');
    expect(ousted).toEqual([]);
    expect(world.events).toEqual([]);
  });

  it('two that start together with different keys: one gives way', () => {
    const world = new World();
    const ousted = world.watch('me');
    for (let n = 1; n < 4; n++) world.say(otherKey, world.heartbeat('a', n));
    expect(ousted).toMatchObject([{ code: 'prefixInUse' }]);
  });

  it('once it runs it gives way to nothing that is not signed with its key, for its topic, and tells of it', async () => {
    for (const by of [
      null,
      otherKey,
      new HeartbeatSeal('other', openSecretBox({ dataDir: '/', key: '11'.repeat(32) })),
    ]) {
      const world = new World();
      const ousted = world.watch('me');
      await world.clock.advance(31_000);
      for (let n = 1; n < 9; n++) world.say(by, world.heartbeat('a', n));
      expect(ousted).toEqual([]);
      expect(world.kinds).toEqual(['heartbeatIgnored unsigned']);
      expect(world.events[0]?.message).toContain('"a"');
    }
  });

  it('nor to a signed one whose name, beat or time was changed', async () => {
    const world = new World();
    const ousted = world.watch('me');
    await world.clock.advance(31_000);
    for (let n = 1; n < 9; n++) {
      const signed = JSON.parse(seal.write(world.heartbeat('z', 1))) as object;
      world.broker.put('hb/workers/a', JSON.stringify(signed).replace('"beat":1', `"beat":${n}`));
      world.broker.put('hb/workers/b', JSON.stringify({ ...signed, id: 'b', beat: n }));
    }
    expect(ousted).toEqual([]);
  });

  it('nor to heartbeats that were signed long ago, and tells of a clock that stays wrong', async () => {
    const world = new World();
    const kept = [1, 2, 3, 4].map((n) => world.heartbeat('a', n));
    const ousted = world.watch('me');
    await world.clock.advance(120_000);
    for (const beat of kept) world.say(seal, beat);
    expect(ousted).toEqual([]);
    // What was kept back while the broker was away comes at once: no news.
    expect(world.events).toEqual([]);
    await world.clock.advance(31_000);
    for (const beat of kept) world.say(seal, beat);
    expect(ousted).toEqual([]);
    expect(world.kinds).toEqual(['heartbeatIgnored clock']);
  });

  it('a worker of a group tells of others that do not sign, and of another key', async () => {
    const world = new World();
    world.watch('me', 'g');
    for (let n = 1; n < 9; n++) {
      world.say(seal, world.heartbeat('good', n, true, { membership }));
      world.say(null, world.heartbeat('old', n, true, { membership }));
    }
    expect(world.kinds).toEqual(['heartbeatIgnored unsigned']);
    expect(world.events.every(({ message }) => message.includes('"old"'))).toBe(true);
    const theirs = { ...membership, keyId: otherKey.keyId };
    for (let n = 1; n < 9; n++) world.say(otherKey, world.heartbeat('w-9', n, true, { membership: theirs }));
    expect(world.kinds).toEqual(['heartbeatIgnored unsigned', 'secretKeysDiffer w-9']);
  });
});
