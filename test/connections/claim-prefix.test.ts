// One worker per broker and prefix: the second one is told who the first is.
import { describe, expect, it } from 'vitest';
import { claimPrefix } from '../../src/connections/claim-prefix.ts';
import type { BridgeError } from '../../src/domain/errors.ts';
import { ModelBroker } from '../support/fakes/model-broker.ts';
import { ManualClock } from '../support/manual-clock.ts';

const me = { id: 'me', host: 'my-host', dataDir: '/mine' };

const beat = (id: string, beat: number, alive = true, more: object = {}): [string, string] => [
  `hb/workers/${id}`,
  JSON.stringify({
    ...{ id, alive, host: 'other-host', pid: 42, startedAt: 's', dataDir: '/d', beat, intervalMs: 5000 },
    ...more,
  }),
];

function make(): {
  clock: ManualClock;
  broker: ModelBroker;
  waiting: string[];
  stop: AbortController;
  verdict: () => 'free' | BridgeError | null;
  claim: () => void;
} {
  const clock = new ManualClock();
  const broker = new ModelBroker();
  const waiting: string[] = [];
  const stop = new AbortController();
  let verdict: 'free' | BridgeError | null = null;
  const claim = (): void => {
    const options = { broker, prefix: 'hb', identity: me, clock, signal: stop.signal };
    claimPrefix({ ...options, onWaiting: (reason) => waiting.push(reason) }).then(
      () => (verdict = 'free'),
      (error: BridgeError) => (verdict = error),
    );
  };
  return { clock, broker, waiting, stop, verdict: () => verdict, claim };
}

describe('claimPrefix', () => {
  it('is free at once where nobody is, only last wills are, or only its own record is', async () => {
    for (const records of [
      [],
      [beat('w1', -1, false)],
      [beat('me', 7, true, me)],
      [['hb/workers/x', 'junk'] as [string, string]],
    ]) {
      const { clock, broker, verdict, claim } = make();
      for (const [topic, payload] of records) broker.retained.set(topic, payload);
      claim();
      broker.snapshot();
      await clock.advance(0);
      expect(verdict()).toBe('free');
      expect(broker.tables[0]).toMatchObject({ running: false, options: { settleMs: 300 } });
      expect(broker.tables[0]?.options.clientId).toBeUndefined();
    }
  });

  it('is in use when a record that says "alive" is renewed, and names its worker', async () => {
    const { clock, broker, verdict, claim } = make();
    broker.retained.set(...beat('w1', 7));
    claim();
    broker.snapshot();
    await clock.advance(4000);
    expect(verdict()).toBeNull();
    broker.put(...beat('w1', 8));
    await clock.advance(0);
    expect(verdict()).toMatchObject({ code: 'prefixInUse', exitCode: 75 });
    expect((verdict() as BridgeError).message).toMatch(/"w1" \(process 42 on other-host, data directory \/d\).*"hb"/);
  });

  it('is in use by a worker of the same id that lives elsewhere: a copied data directory', async () => {
    const { clock, broker, verdict, claim } = make();
    broker.retained.set(...beat('me', 7));
    claim();
    broker.snapshot();
    await clock.advance(4000);
    broker.put(...beat('me', 8));
    await clock.advance(0);
    expect(verdict()).toMatchObject({ code: 'prefixInUse' });
  });

  it('is free after two silent intervals of a record that was left behind, also when it is handed out twice', async () => {
    const { clock, broker, verdict, claim } = make();
    broker.retained.set(...beat('w1', 7));
    claim();
    broker.snapshot();
    await clock.advance(3000);
    broker.put(...beat('w1', 7));
    await clock.advance(8000);
    expect(verdict()).toBe('free');
    expect(clock.monotonic()).toBe(11_000);
  });

  it('is free when the other one says goodbye meanwhile', async () => {
    const { clock, broker, verdict, claim } = make();
    broker.retained.set(...beat('w1', 7));
    claim();
    broker.snapshot();
    broker.put(...beat('w1', 8, false));
    await clock.advance(11_000);
    expect(verdict()).toBe('free');
  });

  it('waits for a broker that is away, and stops when asked to', async () => {
    const { clock, broker, verdict, waiting, claim, stop } = make();
    broker.away = true;
    claim();
    await clock.advance(60_000);
    expect(waiting).toEqual(['away']);
    expect(verdict()).toBeNull();
    stop.abort();
    await clock.advance(0);
    expect(verdict()).toMatchObject({ code: 'stopped' });
  });
});
