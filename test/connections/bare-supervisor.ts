// A supervisor whose runtimes do nothing but stop: for tests of who starts, stops and deletes what.
import { Supervisor, type SupervisorOptions } from '../../src/connections/supervisor.ts';
import type { Broker } from '../../src/domain/ports/broker.ts';
import type { BridgeStore } from '../../src/domain/ports/store.ts';
import { ManualClock } from '../support/manual-clock.ts';

export interface BareParts extends Partial<Omit<SupervisorOptions, 'store' | 'purge'>> {
  readonly broker?: Broker;
  /** What each runtime does when it is stopped. */
  readonly stop?: () => Promise<void>;
}

export function bareSupervisor(store: BridgeStore, parts: BareParts = {}): Supervisor {
  const { clock = new ManualClock(), events = { emit: () => {} }, stop = async () => {}, broker = null } = parts;
  return new Supervisor({
    ...{ workerId: 'w-1', store, clock, events },
    status: { setStatus: () => {}, setLedger: () => {}, clear: () => {}, remove: () => {} },
    purge: { store, broker: () => broker, events, clock, journalMaxBytes: 1000 },
    createRuntime: (connection) => {
      return { connection, start() {}, change: () => false, noteErrors() {}, tick() {}, stop };
    },
    ...parts,
  });
}
