// The producer's numbers against a model of what Kafka makes of them: whatever is lost, refused or given up between, nothing
// that it calls appended is missing, and nothing is there twice for an answer that was lost.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { KafkaWire } from '../../src/brokers/kafka-internals.ts';
import { KafkaProducer } from '../../src/brokers/kafka-producer.ts';

interface Sent {
  readonly key: string | null;
  readonly value: Buffer | null;
}

/** Kafka keeps the last five batches of each producer, and knows those again. */
const KEPT = 5;

/** A partition that judges numbers as Kafka's leaders do (`ProducerAppendInfo`, `ProducerStateEntry`). */
class ModelPartition {
  readonly log: string[] = [];
  readonly #batches = new Map<string, { readonly first: number; readonly last: number }[]>();

  append(producerId: string, first: number, values: readonly string[]): number {
    const batches = this.#batches.get(producerId) ?? [];
    const last = first + values.length - 1;
    if (batches.some((each) => each.first === first && each.last === last)) return 0;
    const before = batches.at(-1);
    if (before !== undefined && first !== before.last + 1) return 45;
    this.#batches.set(producerId, [...batches, { first, last }].slice(-KEPT));
    this.log.push(...values);
    return 0;
  }

  /** As a partition that was deleted, or whose producers were forgotten. */
  forget(): void {
    this.#batches.clear();
  }
}

type Fault = 'none' | 'lostRequest' | 'lostAnswer' | 'notLeader' | 'lateReplicas' | 'denied' | 'tooLarge' | 'forgotten';
const CODES = { notLeader: 6, denied: 29, tooLarge: 10 } as const;

async function run(steps: readonly { readonly fault: Fault; readonly count: number }[]) {
  const partitions = [new ModelPartition(), new ModelPartition()];
  let ids = 0;
  let fault: Fault = 'none';
  const wire = {
    call: async (_leader: number | null, api: string, options: unknown) => {
      if (api === 'InitProducerId') {
        ids += 1;
        return { errorCode: 0, producerId: String(ids), producerEpoch: 0 };
      }
      type Asked = { partition: number; firstSequence: number; messages: readonly Sent[] };
      const { producerId, topicData } = options as { producerId: string; topicData: { partitions: Asked[] }[] };
      if (fault === 'lostRequest') throw new Error('cut');
      const answered = topicData[0]!.partitions.map(({ partition, firstSequence, messages }) => {
        const at = partitions[partition] as ModelPartition;
        if (fault === 'forgotten') at.forget();
        // Only the first partition is in trouble; the other is in the same request.
        const code = partition === 0 && fault in CODES ? CODES[fault as keyof typeof CODES] : null;
        const values = messages.map(({ value }) => String(value));
        return { partition, errorCode: code ?? at.append(producerId, firstSequence, values) };
      });
      if (fault === 'lostAnswer') throw new Error('cut');
      const late = answered.map((each) => (each.errorCode === 0 ? { ...each, errorCode: 20 } : each));
      return { topics: [{ topicName: 't', partitions: fault === 'lateReplicas' ? late : answered }] };
    },
  } as unknown as KafkaWire;

  const producer = new KafkaProducer<Sent>({ compression: 'none', bootstrap: ['model:9092'] });
  const said: string[][] = [[], []];
  let values = 0;
  const end = Array.from({ length: 4 }, () => ({ fault: 'none' as const, count: 3 }));
  for (const step of [...steps, ...end]) {
    fault = step.fault;
    await producer.identify(wire);
    const fresh = (): Sent[] =>
      Array.from({ length: step.count }, () => {
        values += 1;
        return { key: null, value: Buffer.from(String(values)) };
      });
    const parts = [producer.partOf('t', 0), producer.partOf('t', 1)];
    const batches = new Map(parts.map((part) => [part, part.doubtful ?? fresh()]));
    for (const [part, verdict] of await producer.append(wire, 1, batches)) {
      const texts = batches.get(part)!.map(({ value }) => String(value));
      if (verdict.kind === 'appended') said[part.partition]!.push(...texts);
    }
  }
  return { logs: partitions.map(({ log }) => log), said, ids };
}

const step = (...faults: Fault[]) =>
  fc.array(fc.record({ fault: fc.constantFrom<Fault>(...faults), count: fc.integer({ min: 1, max: 4 }) }), {
    maxLength: 30,
    size: 'max',
  });

test('answers that are lost or late, and leaders that moved: all is there once, in order, under one producer id', async () => {
  await fc.assert(
    fc.asyncProperty(step('none', 'lostRequest', 'lostAnswer', 'notLeader', 'lateReplicas'), async (steps) => {
      const { logs, said, ids } = await run(steps);
      expect(logs).toEqual(said);
      expect(ids).toBe(1);
    }),
  );
});

test('refusals between, also of what may have arrived before: nothing that it calls appended is missing', async () => {
  const faults = ['none', 'lostRequest', 'lostAnswer', 'denied', 'tooLarge', 'lateReplicas', 'forgotten'] as const;
  await fc.assert(
    fc.asyncProperty(step(...faults), async (steps) => {
      const { logs, said } = await run(steps);
      for (const [partition, values] of said.entries()) {
        const log = new Set(logs[partition]);
        expect(values.filter((value) => !log.has(value))).toEqual([]);
      }
    }),
  );
});

test('what is refused at once uses up no number and no producer id', async () => {
  await fc.assert(
    fc.asyncProperty(step('none', 'denied', 'tooLarge'), async (steps) => {
      const { logs, said, ids } = await run(steps);
      expect(logs).toEqual(said);
      expect(ids).toBe(1);
    }),
  );
});
