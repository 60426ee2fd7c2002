// One line on a model store and a clock by hand. A message's payload is "DEVICE RECORD": the record is HERE's, as it stands;
// "join" carries no telemetry.
import type { BrokerMessage } from '../../src/domain/ports/broker.ts';
import type { Clock } from '../../src/domain/ports/clock.ts';
import type { ConnectionStore, JournalEntry, JournalRecord, Settlement } from '../../src/domain/ports/store.ts';
import { Circuits } from '../../src/uplink/circuit.ts';
import { Trail } from '../../src/uplink/trail.ts';
import { UplinkFlow, type UplinkFlowOptions } from '../../src/uplink/uplink-flow.ts';
import { ModelConnectionStore } from './fakes/model-store.ts';
import { SeededChance } from './manual-clock.ts';

export class KeepingStore extends ModelConnectionStore {
  readonly settled: Settlement[] = [];
  override append(entries: readonly JournalEntry[], done: (error: Error | null) => void): number {
    return super.append(entries, (error) => queueMicrotask(() => done(error)));
  }
  override settle(settlements: readonly Settlement[] = []): void {
    this.settled.push(...settlements);
  }
}

/** Reads back what is not settled. */
export class ReadingStore extends KeepingStore {
  #unsettled(): JournalRecord[] {
    const settled = new Set(this.settled.map(({ seq }) => seq));
    return this.entries.map((entry, i) => ({ ...entry, seq: i + 1 })).filter(({ seq }) => !settled.has(seq));
  }
  override forEachUnsettled(visit: Parameters<ConnectionStore['forEachUnsettled']>[0] = () => {}): void {
    for (const { seq, device, arrivedAt } of this.#unsettled()) visit(seq, device, arrivedAt);
  }
  override async read(from = 1): Promise<readonly never[]> {
    return this.#unsettled().filter(({ seq }) => seq >= from) as never[];
  }
}

export const modelCircuits = (clock: Clock): Circuits =>
  new Circuits(clock, new SeededChance(), { minMs: 500, maxMs: 20_000 });

export function modelLine(clock: Clock, given: Partial<UplinkFlowOptions> = {}) {
  const store = new KeepingStore('a', 1e9, new Map());
  const flow = new UplinkFlow({
    connectionId: 'a',
    prepare: ({ payload }) => {
      const [device, json] = String(payload).split(' ') as [string, string];
      if (json === 'join') return { device, fCnt: 1, outcome: { kind: 'skipped', reason: 'join' } };
      const records = [{ device, json, bytes: json.length, timestamp: 0 }];
      return { device, fCnt: Number(json.slice(1)), outcome: null, records, emittedAt: clock.now() };
    },
    store,
    clock,
    events: { emit: () => {} },
    observer: { onAccepted: () => {}, onFailing: () => {}, onReauthenticate: () => {}, onHold: () => {} },
    uplinkTimeValidityMs: null,
    createDevices: true,
    maxDevices: null,
    window: { maxBytes: 3e6, maxItems: 1e5 },
    circuits: modelCircuits(clock),
    batchLingerMs: 0,
    trail: new Trail(0),
    ...given,
  });
  const publish = (...texts: readonly string[]): void => {
    const messages = texts.map((text): BrokerMessage => {
      return { topic: 't', payload: Buffer.from(text), qos: 1, retain: false, dup: false, arrivedAt: clock.now() };
    });
    flow.onMessages(messages, () => {});
  };
  return { flow, store, publish };
}
