// A deletion that is heard late, after another worker has the connection, defined anew: it does not count for that one's store.
import { beforeEach, expect, test } from 'vitest';
import { SharedRecords } from '../../src/connections/shared-records.ts';
import { travellingStore } from '../../src/connections/travelling-state.ts';
import type { Broker, Publisher, TableListener } from '../../src/domain/ports/broker.ts';
import { ConnectionsWorker } from '../support/fakes/connections-worker.ts';
import { ModelBroker } from '../support/fakes/model-broker.ts';
import { ModelStore } from '../support/fakes/model-store.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { defaults, markBox, sample } from './definition-samples.ts';

/** A topic of shared records that a worker reads only when it is told to. */
class HandTopic {
  readonly #records: { readonly key: string; readonly payload: string }[] = [];

  join(workerId: string): { readonly records: SharedRecords; readonly read: () => Promise<void> } {
    let listener: TableListener | undefined;
    let position = 0;
    const publish: Publisher['publish'] = async (topic, payload) => {
      this.#records.push({ key: topic.slice('t/'.length), payload: String(payload) });
    };
    const openTable = (_: unknown, to: TableListener): void => {
      listener = to;
    };
    const records = new SharedRecords({
      broker: { openTable } as unknown as Broker,
      ...{ prefix: 't', publisher: { publish } as Publisher, workerId, clock: new ManualClock() },
      ...{ onProblem: () => {}, onReach: () => {}, onWriteRefused: () => {} },
    });
    const read = async (): Promise<void> => {
      await new Promise(setImmediate);
      for (; position < this.#records.length; position++) {
        const { key, payload } = this.#records[position] as { key: string; payload: string };
        listener?.onRecord(key, Buffer.from(payload));
      }
    };
    return { records, read };
  }
}

let topic: HandTopic;
const brokers = [new ModelBroker('main')];

function start(workerId: string, own = new ModelStore()) {
  const { records, read } = topic.join(workerId);
  const store = travellingStore(own, records, workerId) as ModelStore;
  const worker = new ConnectionsWorker({ box: markBox, defaults, store, brokers });
  worker.gateway.passwords.set('me@example.com', 'right');
  const state = (): unknown => JSON.parse(records.get('connection.a') ?? 'null');
  return { own, worker, read, state };
}

type Worker = ReturnType<typeof start>;
let first: Worker;
let second: Worker;

/** What has been put arrives. */
async function arrive(...workers: readonly Worker[]): Promise<void> {
  // What a worker puts on reading arrives too.
  for (let n = 0; n < 3; n++) for (const { read } of workers) await read();
}

/** It is not done when the first worker hears that another one has the connection. */
async function deleteAtFirst(): Promise<void> {
  (brokers[0] as ModelBroker).away = true;
  await first.worker.define('a', null);
  await first.worker.supervisor.release('a');
}

beforeEach(async () => {
  topic = new HandTopic();
  (brokers[0] as ModelBroker).away = false;
  first = start('w-1');
  second = start('w-2');
  await first.worker.define('a', sample());
  await arrive(first, second);
});

/** Its journal, states and all: another object once they were deleted. */
const stored = ({ own }: Worker) => own.states.get('a');

async function expectKept(): Promise<void> {
  const before = stored(second);
  expect(before).toBeDefined();
  await second.worker.supervisor.release('a');
  expect(stored(second)).toBe(before);
  await second.worker.stop();
  const next = start('w-2', second.own);
  await arrive(next);
  await next.worker.define('a', sample());
  expect(next.worker.state('a')).toBe('OPENED');
  expect(stored(next)).toBe(before);
}

test('a deletion that is heard before the successor’s word of its connection, and told after it', async () => {
  // Nothing else is new that it could say.
  second.worker.gateway.logIn = () => ({ kind: 'retry', message: 'HERE is away', afterMs: null });
  await second.worker.define('a', sample());
  await deleteAtFirst();
  await arrive(first, second);
  await expectKept();
});

test.each([
  ['reads', sample()],
  ['has deactivated', { ...sample(), active: false }],
])('a deletion of what the first worker %s, heard after the successor’s word', async (_, definition) => {
  await first.worker.define('a', definition);
  await arrive(first, second);
  await second.worker.define('a', sample());
  await arrive(first, second);
  const before = second.state();
  await deleteAtFirst();
  await arrive(first, second);
  expect(second.state()).toEqual(before);
  expect(first.own.connectionIds()).toEqual([]);
  await expectKept();
});

test('a deletion of what came back from another worker, and does not run yet, is known to every next one', async () => {
  await first.worker.supervisor.release('a');
  await second.worker.define('a', sample());
  await arrive(first, second);
  await second.worker.stop();
  await deleteAtFirst();
  await arrive(first, second);
  expect(second.state()).toMatchObject({ servedBy: 'w-2', deleting: '1' });
  const before = stored(second);
  const next = start('w-2', second.own);
  await arrive(next);
  await next.worker.define('a', sample());
  expect(stored(next)).not.toBe(before);
});
