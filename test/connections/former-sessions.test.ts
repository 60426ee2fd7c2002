// Deleted and defined anew before the session could be ended: the new connection begins with a session of its own, and ends the former.
import { beforeEach, expect, test } from 'vitest';
import { travellingStore } from '../../src/connections/travelling-state.ts';
import type { DefinitionRecord } from '../../src/domain/connection.ts';
import { ConnectionsWorker, type WorkerParts } from '../support/fakes/connections-worker.ts';
import { ModelBroker } from '../support/fakes/model-broker.ts';
import { ModelStore } from '../support/fakes/model-store.ts';
import { defaults, markBox, sample } from './definition-samples.ts';

let worker: ConnectionsWorker;

function start(parts: Partial<WorkerParts> = {}): ConnectionsWorker {
  const made = new ConnectionsWorker({ box: markBox, defaults, ...parts });
  made.gateway.passwords.set('me@example.com', 'right');
  return made;
}

/** The same disk, brokers and definitions. */
async function restart(): Promise<ConnectionsWorker> {
  const { store, gateway, config, brokers } = worker;
  await worker.stop();
  return start({ store, gateway, config, brokers });
}

const main = (): ModelBroker => worker.brokers[0] as ModelBroker;
const backup = (): ModelBroker => worker.brokers[1] as ModelBroker;
const anew: DefinitionRecord = sample({ source: { topics: ['other/#'] } });
const onBackup: DefinitionRecord = sample({ source: { broker: 'backup', topics: ['other/#'] } });

interface Named {
  readonly clientId: string;
  readonly topics: readonly string[];
}

/** What was started at the broker, in order. */
function read(broker: ModelBroker): Named[] {
  const started = broker.sources.filter(({ calls }) => calls.includes('start'));
  return started.map(({ options: { clientId, topics } }) => ({ clientId, topics }));
}

const kept = (of = worker): Named[] => JSON.parse(of.store.of('a').getState('sessions') ?? '[]');
const first = { clientId: 'hb-a', topics: ['mqtt/things/+/uplink'] };
const second = { clientId: 'hb-a-1', topics: ['other/#'] };

beforeEach(async () => {
  worker = start();
  await worker.define('a', sample());
});

test('it has a session of its own, and the former one is ended unread when its broker is back', async () => {
  main().away = true;
  await worker.define('a', null);
  await worker.define('a', anew);
  expect(worker.state('a')).toBe('OPENED');
  expect(read(main())).toEqual([first, second]);
  expect(kept()).toMatchObject([first, second]);
  main().away = false;
  await worker.clock.advance(20_000);
  expect(main().cleared).toEqual(['hb-a']);
  expect(kept()).toMatchObject([second]);
  expect(read(main())).toEqual([first, second]);
});

test('also where the new one reads from another broker, and after a restart', async () => {
  main().away = true;
  await worker.define('a', null);
  await worker.define('a', onBackup);
  const next = await restart();
  await next.clock.advance(60_000);
  main().away = false;
  await next.clock.advance(600_000);
  expect(main().cleared).toEqual(['hb-a']);
  expect(read(main())).toEqual([first]);
  expect(read(backup())).toEqual([second, second]);
  expect(kept(next)).toMatchObject([second]);
});

test('also where a kill came between the mark of the deletion and its end', async () => {
  await worker.stop();
  worker.store.setState('a', 'deleting', '1');
  worker.config.retained.set('hb/connections/a', JSON.stringify(anew));
  const next = await restart();
  await next.clock.advance(1_000);
  expect(next.state('a')).toBe('OPENED');
  expect(read(main())).toEqual([first, second]);
  expect(main().cleared).toEqual(['hb-a']);
  expect(kept(next)).toMatchObject([second]);
});

test('also where the new one is activated later', async () => {
  main().away = true;
  await worker.define('a', null);
  await worker.define('a', { ...anew, active: false });
  await worker.define('a', anew);
  expect(read(main())).toEqual([first, second]);
  main().away = false;
  await worker.clock.advance(20_000);
  expect(main().cleared).toEqual(['hb-a']);
});

test('deleted once more, all that is left of both is ended', async () => {
  main().away = true;
  await worker.define('a', null);
  await worker.define('a', onBackup);
  await worker.define('a', null);
  main().away = false;
  await worker.clock.advance(60_000);
  expect([main().cleared, backup().cleared]).toEqual([['hb-a'], ['hb-a-1']]);
  expect(worker.store.connectionIds()).toEqual([]);
});

test('what is ended before it is defined anew leaves nothing behind: the new one begins as the first did', async () => {
  worker.config.put('hb/connections/a', null);
  await worker.define('a', anew);
  expect(main().cleared).toEqual(['hb-a']);
  expect(kept()).toMatchObject([{ ...second, clientId: 'hb-a' }]);
});

test('a group on Kafka is gone on with under its name, and not ended', async () => {
  worker = start({ brokers: [new ModelBroker('main', 'kafka')] });
  await worker.define('a', sample());
  main().away = true;
  await worker.define('a', null);
  await worker.define('a', anew);
  main().away = false;
  await worker.clock.advance(1_200_000);
  expect(read(main())).toEqual([first, { ...second, clientId: 'hb-a' }]);
  expect(main().cleared).toEqual([]);
  expect(kept()).toMatchObject([{ ...second, clientId: 'hb-a' }]);
});

test('a session whose broker is not known at one start is ended at the next', async () => {
  main().away = true;
  await worker.define('a', null);
  await worker.define('a', onBackup);
  await worker.stop();
  const { store, gateway, config, brokers } = worker;
  const without = start({ store, gateway, config, brokers: brokers.slice(1) });
  await without.clock.advance(60_000);
  await without.stop();
  main().away = false;
  const next = await restart();
  await next.clock.advance(1_000);
  expect(main().cleared).toEqual(['hb-a']);
});

test('the next worker ends what the one that deleted it could not', async () => {
  const topic = new Map<string, string>();
  const records = {
    get: (key: string) => topic.get(key) ?? null,
    put: async (key: string, value: string | null) => void (value === null ? topic.delete(key) : topic.set(key, value)),
  };
  const travelling = (id: string) => travellingStore(new ModelStore(), records, id) as ModelStore;
  worker = start({ store: travelling('w-1') });
  await worker.define('a', sample());
  main().away = true;
  await worker.define('a', null);
  void worker.supervisor.release('a');
  await worker.clock.advance(1_000);
  const next = start({ store: travelling('w-2'), brokers: worker.brokers });
  await next.define('a', anew);
  expect(read(main())).toEqual([first, second]);
  main().away = false;
  await next.clock.advance(20_000);
  await worker.clock.advance(1_200_000);
  expect(main().cleared).toEqual(['hb-a']);
  expect(JSON.parse(JSON.parse(topic.get('connection.a') ?? '{}').sessions)).toMatchObject([second]);
});
