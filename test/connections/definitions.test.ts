// The config topic is the truth: what is new and valid is applied, what is wrong is told, nothing stops the others.
import { beforeEach, describe, expect, it } from 'vitest';
import { ConnectionsWorker } from '../support/fakes/connections-worker.ts';
import type { ModelStore } from '../support/fakes/model-store.ts';
import { defaults, markBox, sample } from './definition-samples.ts';

let worker: ConnectionsWorker;

function start(parts: Partial<ConstructorParameters<typeof ConnectionsWorker>[0]> = {}): ConnectionsWorker {
  const made = new ConnectionsWorker({ box: markBox, defaults, ...parts });
  made.gateway.passwords.set('me@example.com', 'right');
  return made;
}

beforeEach(() => {
  worker = start();
});

describe('definitions on the config topic', () => {
  it('are read through a persistent session and applied as they come, before the first snapshot', async () => {
    expect(worker.config.tables[0]?.options).toEqual({
      prefix: 'hb/connections',
      clientId: 'hb-config',
      settleMs: 10_000,
    });
    await worker.define('a', sample());
    expect(worker.state('a')).toBe('OPENED');
    expect(worker.definitions.whole).toBe(false);
    expect(worker.definitions.record('a')).toEqual(sample());
  });

  it.each([
    ['no JSON', '{"password": "planted', '', 'no JSON'],
    ['too big', JSON.stringify({ name: 'x'.repeat(70_000) }), '', 'at most 65536 bytes'],
    ['too deep', `${'['.repeat(30_000)}${']'.repeat(30_000)}`, '', 'must be an object'],
    ['a wrong field', JSON.stringify(sample({ downlinkPort: 999 })), '/configuration/downlinkPort', '1 to 224'],
    [
      'an undecryptable secret',
      JSON.stringify(sample({ password: markBox.encrypt('planted', 'other/password') })),
      '/configuration/password',
      'cannot be decrypted',
    ],
  ])('with %s become an event and a status, and every other one goes on', async (_name, text, pointer, words) => {
    await worker.define('good', sample());
    await worker.define('bad', text);
    await worker.define('good2', sample());
    expect(worker.state('good')).toBe('OPENED');
    expect(worker.state('good2')).toBe('OPENED');
    expect(worker.statuses.get('bad')).toMatchObject({
      state: 'CLOSED',
      errors: [{ pointer, message: expect.stringContaining(words) }],
    });
    expect(worker.kinds('bad')).toEqual(['definitionInvalid']);
    expect(JSON.stringify([worker.events, [...worker.statuses]])).not.toContain('planted');
    await worker.define('bad', sample());
    expect(worker.state('bad')).toBe('OPENED');
    expect(worker.statuses.get('bad')?.errors).toBeUndefined();
  });

  it('that become invalid leave the last valid one in force, with the errors in the status', async () => {
    await worker.define('a', sample());
    await worker.define('a', '{}');
    expect(worker.statuses.get('a')).toMatchObject({
      state: 'OPENED',
      reason: expect.stringContaining('the last valid one stays in force'),
      errors: [{ pointer: '/connectorId' }, { pointer: '/name' }, { pointer: '/configuration' }],
    });
    await worker.define('a', sample());
    expect(worker.statuses.get('a')).toMatchObject({ state: 'OPENED', reason: null });
    expect(worker.statuses.get('a')?.errors).toBeUndefined();
    expect(worker.lines.get('a')).toHaveLength(1);
  });

  it('that are handed out again at a reconnect change nothing', async () => {
    await worker.define('a', sample());
    await worker.define('b', '{}');
    const before = [worker.events.length, worker.gateway.attempts.length];
    const table = worker.config.tables[0];
    for (let turn = 0; turn < 5 && table !== undefined; turn += 1) worker.config.handOut(table);
    await worker.snapshot();
    expect([worker.events.length, worker.gateway.attempts.length]).toEqual(before);
    expect(worker.line('a').calls).toEqual(['open first-of-me@example.com']);
  });

  it('with a stale basis are left out with an event, and the one in force is put back', async () => {
    await worker.define('a', { ...sample(), revision: 'r1' });
    await worker.define('a', { ...sample(), name: 'Second', revision: 'r2', basedOn: 'r1' });
    await worker.define('a', { ...sample(), name: 'Late', revision: 'r3', basedOn: 'r1' });
    expect(worker.statuses.get('a')?.name).toBe('Second');
    expect(worker.kinds('a')).toContain('definitionStale');
    expect(worker.mended).toEqual(['a']);
    // Producers that know nothing of revisions just write.
    await worker.define('a', { ...sample(), name: 'Third' });
    expect(worker.statuses.get('a')?.name).toBe('Third');
  });

  it('under a key that is no id are left out with an event of the worker', async () => {
    await worker.define('a b', sample());
    await worker.define('x'.repeat(64), null);
    expect(worker.events).toMatchObject([
      { kind: 'definitionInvalid', connectionId: null },
      { kind: 'definitionInvalid', connectionId: null },
    ]);
    expect(worker.statuses.size).toBe(0);
  });

  it('tell writers that wait for their own record', async () => {
    const heard: string[] = [];
    worker.definitions.onHeard('a', ({ payload }) => heard.push(payload === '' ? 'deleted' : 'written'));
    worker.definitions.onHeard('a', () => heard.push('cancelled'))();
    await worker.define('b', sample());
    expect(heard).toEqual([]);
    await worker.define('a', sample());
    await worker.define('a', { ...sample(), name: 'New' });
    expect(heard).toEqual(['written', 'written']);
  });
});

describe('a definition that is gone', () => {
  async function storeOf(ids: string[]): Promise<ModelStore> {
    const earlier = start();
    for (const id of ids) await earlier.define(id, sample());
    await earlier.stop();
    return earlier.store;
  }

  it('is deleted at the start when it was deleted while the bridge was down: session, store and status', async () => {
    const store = await storeOf(['a']);
    const next = start({ store });
    await next.define('a', null);
    expect(next.brokers[0]?.cleared).toEqual(['hb-a']);
    expect(store.connectionIds()).toEqual([]);
    expect(next.removed).toEqual(['a']);
    expect(next.kinds('a')).toEqual(['connectionDeleted']);
  });

  it('is merely absent: stopped with an event, and kept', async () => {
    const store = await storeOf(['a', 'b']);
    const next = start({ store });
    await next.define('b', sample());
    await next.snapshot();
    await next.snapshot();
    expect(next.kinds('a')).toEqual(['definitionMissing']);
    expect(next.statuses.get('a')).toMatchObject({ state: 'CLOSED', reason: expect.stringContaining('is missing') });
    expect(store.connectionIds()).toEqual(['a', 'b']);
    expect(next.state('b')).toBe('OPENED');
    await next.define('a', sample());
    expect(next.state('a')).toBe('OPENED');
  });

  it('stops a running one when the broker lost its store, and the same record starts it again', async () => {
    await worker.define('a', sample());
    worker.config.retained.clear();
    await worker.snapshot();
    expect(worker.brokers[0]?.source).toMatchObject({ state: 'stopped', calls: ['start', 'stop'] });
    expect(worker.line('a').calls).toEqual(['open first-of-me@example.com', 'close', 'close', 'stop']);
    expect(worker.state('a')).toBe('CLOSED');
    expect(worker.store.connectionIds()).toEqual(['a']);
    await worker.define('a', sample());
    expect(worker.state('a')).toBe('OPENED');
  });

  it('is not missed by a snapshot while it is being deleted', async () => {
    await worker.define('a', sample());
    const { promise, resolve } = Promise.withResolvers<void>();
    worker.line('a').closing = promise;
    await worker.define('a', null);
    await worker.snapshot();
    resolve();
    await worker.clock.advance(0);
    expect(worker.store.connectionIds()).toEqual([]);
    expect(worker.kinds('a')).toEqual(['connectionOpened', 'connectionDeleted']);
    // A status would stay at the broker for ever.
    expect(worker.statuses.has('a')).toBe(false);
  });

  it('keeps its store until nothing is said of it at the broker any more', async () => {
    await worker.define('a', sample());
    const { promise, resolve } = Promise.withResolvers<void>();
    worker.removing = promise;
    await worker.define('a', null);
    expect(worker.removed).toEqual(['a']);
    expect(worker.statuses.has('a')).toBe(true);
    // A kill now: the next start finds the mark.
    expect(worker.store.connectionIds()).toEqual(['a']);
    expect(worker.store.states.get('a')?.get('deleting')).toBe('1');
    resolve();
    await worker.clock.advance(0);
    expect(worker.store.connectionIds()).toEqual([]);
    expect(worker.kinds('a')).toEqual(['connectionOpened', 'connectionDeleted']);
  });

  it('goes on being deleted after a crash', async () => {
    const store = await storeOf(['a']);
    store.states.get('a')?.set('deleting', '1');
    const next = start({ store });
    await next.snapshot();
    expect(store.connectionIds()).toEqual([]);
    expect(next.brokers[0]?.cleared).toEqual(['hb-a']);
    expect(next.kinds('a')).toEqual(['connectionDeleted']);
    // Defined anew before that: nothing of the deleted one is left.
    const again = await storeOf(['a']);
    again.states.get('a')?.set('deleting', '1');
    again.states.get('a')?.set('project:x', 'old');
    const other = start({ store: again });
    await other.define('a', sample());
    expect(other.state('a')).toBe('OPENED');
    expect(again.states.get('a')?.has('project:x')).toBe(false);
  });
});
