// What waits in a journal, as it goes to the worker that serves the connection.
import type { HandedUplink } from '../domain/ports/cluster.ts';
import type { ConnectionStore, JournalRecord, Settlement } from '../domain/ports/store.ts';
import { DAMAGED } from '../domain/uplink.ts';

const MAX_RECORDS = 500;
const MAX_BYTES = 1024 * 1024;

/** The next ones from `fromSeq` on; empty: none waits. Damaged ones cannot be handed over: they are settled here. */
export async function waitingUplinks(
  store: Pick<ConnectionStore, 'read' | 'settle'>,
  fromSeq: number,
): Promise<{ readonly seqs: readonly number[]; readonly uplinks: readonly HandedUplink[] }> {
  const damaged: Settlement[] = [];
  const records = await store.read(fromSeq, MAX_RECORDS, MAX_BYTES, ({ seq }) => {
    damaged.push({ seq, outcome: DAMAGED });
  });
  if (damaged.length > 0) store.settle(damaged);
  return { seqs: records.map(({ seq }) => seq), uplinks: records.map(uplinkOf) };
}

function uplinkOf({ topic, payload, arrivedAt, retain, headers }: JournalRecord): HandedUplink {
  const uplink = { topic, payload, arrivedAt, retain };
  return headers === undefined ? uplink : { ...uplink, headers };
}
