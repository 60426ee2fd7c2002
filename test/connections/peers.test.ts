// What a worker believes of the others: signed heartbeats of now, and nothing else that is on their topic.
import { expect, test } from 'vitest';
import { type Heartbeat, heartbeatOf } from '../../src/connections/heartbeat.ts';
import { HeartbeatSeal } from '../../src/connections/heartbeat-seal.ts';
import { Peers } from '../../src/connections/peers.ts';
import { openSecretBox } from '../../src/store/secrets.ts';
import { ModelBroker } from '../support/fakes/model-broker.ts';
import { ManualClock } from '../support/manual-clock.ts';

const seal = new HeartbeatSeal('hb', openSecretBox({ dataDir: '/nowhere', key: '11'.repeat(32) }));

function usePeers() {
  const [broker, clock] = [new ModelBroker(), new ManualClock()];
  const peers = new Peers({ broker, clock, seal, prefix: 'hb', group: 'g', onReach: () => {} });
  peers.start();
  const beat = (id: string, n: number, address: string, alive = true): Heartbeat => {
    const identity = { id, host: 'h', pid: 1, startedAt: 's', dataDir: '/x', versions: {} };
    const membership = { group: 'g', address, partitions: [7], confirmed: true, serves: true, keyId: seal.keyId };
    return heartbeatOf(identity, alive, n, 5000, clock.now(), membership);
  };
  const say = (heartbeat: Heartbeat, text = seal.write(heartbeat)): void =>
    broker.put(`hb/workers/${heartbeat.id}`, text);
  const owner = () => peers.ownerOf(7)?.beat.membership?.address;
  return { clock, peers, beat, say, owner };
}

test('an address and a share come of signed heartbeats alone, also under the name of a worker that is known', () => {
  const { peers, beat, say, owner } = usePeers();
  say(beat('w-evil', 1, 'http://evil'), JSON.stringify(beat('w-evil', 1, 'http://evil')));
  expect(peers.list()).toEqual([]);
  say(beat('w-0', 5, 'http://good'));
  expect(owner()).toBe('http://good');
  const signed = seal.write(beat('w-0', 6, 'http://good'));
  for (const forged of [
    JSON.stringify(beat('w-0', 6, 'http://evil')),
    signed.replace('http://good', 'http://evil'),
    signed.replace('[7]', '[7,8]'),
    signed.replace('"alive":true', '"alive":false'),
  ]) {
    say(beat('w-0', 6, ''), forged);
    expect(owner()).toBe('http://good');
    expect(peers.list()).toMatchObject([{ alive: true, beat: { beat: 5, membership: { partitions: [7] } } }]);
  }
  // A right one, under another worker's name.
  say(beat('w-1', 6, ''), signed);
  expect(peers.list()).toHaveLength(1);
});

test('heartbeats that were kept make nobody live again, and change nothing of one that lives', async () => {
  const { clock, peers, beat, say, owner } = usePeers();
  const early = beat('w-0', 1, 'http://before');
  say(beat('w-0', 2, 'http://good'));
  say(early);
  expect(owner()).toBe('http://good');
  await clock.advance(120_000);
  say(beat('w-0', 3, 'http://good', false));
  const [kept] = [beat('w-0', 4, 'http://good')];
  expect(peers.list()).toMatchObject([{ alive: false }]);
  await clock.advance(61_000);
  say(kept);
  expect(peers.list()).toMatchObject([{ alive: false }]);
  say(beat('w-0', 5, 'http://good'));
  expect(peers.list()).toMatchObject([{ alive: true }]);
});
