// Small states of a connection that its next worker must know (its sessions at brokers, that its deletion has begun, the remembered project,
// a hold, a refusal that was told, how far its commands are handled, its retired devices) are on a topic besides the store: what is
// there counts when a store is opened, and where nothing of the connection is stored.
//
// Deleted and defined anew, a connection may be served by its next worker before the former one has heard of the deletion, whose mark
// would stay with the new one and take its store away at its next start. So a worker that begins to serve says so in the record. A mark
// that is put without having read that is of an earlier epoch and does not count (see `SharedRecords`); having read it, none is put.
import type { BridgeStore, ConnectionOpening, ConnectionStore } from '../domain/ports/store.ts';
import type { SharedRecords } from './shared-records.ts';
import { forgetTravelled, TravellingList } from './travelling-list.ts';

type Records = Pick<SharedRecords, 'get' | 'put'>;
/** null: it was there once, and is not any more. */
type States = Record<string, string | null>;

/** Anything else belongs to the directory. */
const TRAVELS =
  /^(sessions|deleting|heldFor|refusalTold|debugUntil|project:.*|downlinkSince|downlinkSinceHere|downlinkProject|commandsHandled)$/;
/** A list of up to 10,000 devices: too large for one record. */
const RETIRED = 'retired';

/** Not a state of the connection: which worker's it is. */
const SERVED_BY = 'servedBy';
const MARK = 'deleting';

/** A store whose connections take their states from the topic when they are opened, and put changes there. */
export function travellingStore(store: BridgeStore, records: Records, workerId: string): BridgeStore {
  const served = new Set<string>();
  const travel = (id: string, name: string, value: string | null): void => {
    if (!TRAVELS.test(name)) return;
    const by = servedBy(records, id) ?? workerId;
    // Served here, and another worker has begun to serve it since: what is deleted is not that one's.
    if (name === MARK && served.has(id) && by !== workerId) return;
    put(records, id, { [SERVED_BY]: by, [name]: value });
  };
  return new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (name === 'openConnection') {
        return async (id: string, options: ConnectionOpening) => {
          return withStates(await target.openConnection(id, options), records, travel);
        };
      }
      if (name === 'deleteConnection') {
        return async (id: string, how?: { readonly onlyHere: boolean }) => {
          // Only what travels may be there, and dead letters that are kept of a former connection: these stay.
          const deleteHere = async (): Promise<void> => {
            if (target.connectionIds().includes(id)) await target.deleteConnection(id);
          };
          if (how?.onlyHere === true) await deleteHere();
          else await deleteTravelled(records, id, deleteHere);
        };
      }
      if (name === 'getState') {
        return (id: string, state: string) => {
          const travelled = TRAVELS.test(state) ? parse(records.get(keyOf(id)))[state] : undefined;
          return travelled === undefined ? target.getState(id, state) : travelled;
        };
      }
      if (name === 'setState') {
        return (id: string, state: string, next: string | null) => {
          target.setState(id, state, next);
          if (records.get(keyOf(id)) !== null) travel(id, state, next);
        };
      }
      if (name === 'noteServed') {
        return (id: string, isServed: boolean) => {
          if (!isServed) served.delete(id);
          else {
            served.add(id);
            const isSaid = records.get(keyOf(id)) === null || servedBy(records, id) === workerId;
            if (!isSaid) put(records, id, { [SERVED_BY]: workerId });
          }
        };
      }
      return typeof value === 'function' ? (value as (...all: unknown[]) => unknown).bind(target) : value;
    },
  });
}

type Travel = (id: string, name: string, value: string | null) => void;

function withStates(store: ConnectionStore, records: Records, travel: Travel): ConnectionStore {
  const setOwn = store.setState.bind(store);
  const takeOver = (name: string, value: string | null): void => {
    if (store.getState(name) !== value) setOwn(name, value);
  };
  const states = parse(records.get(keyOf(store.id)));
  for (const [name, value] of Object.entries(states)) if (TRAVELS.test(name)) takeOver(name, value);
  const retired = new TravellingList(records, RETIRED, store.id);
  const travelled = retired.read();
  if (travelled !== null) takeOver(RETIRED, travelled);
  // Of a worker that had them before they travelled.
  else if (store.getState(RETIRED) !== null) retired.put(store.getState(RETIRED));
  store.setState = (name, value) => {
    setOwn(name, value);
    if (name === RETIRED) retired.put(value);
    travel(store.id, name, value);
  };
  return store;
}

/** Where another worker has it meanwhile, what travels is of its own connection of that name: it stays. */
async function deleteTravelled(records: Records, id: string, deleteHere: () => Promise<void>): Promise<void> {
  const before = servedBy(records, id);
  await deleteHere();
  // The record may have changed all the same: a last word of the worker that had the deleted one.
  if (servedBy(records, id) !== before) return;
  if (records.get(keyOf(id)) !== null) await records.put(keyOf(id), null).catch(() => {});
  await forgetTravelled(records, RETIRED, id);
}

function servedBy(records: Records, id: string): string | null {
  return parse(records.get(keyOf(id)))[SERVED_BY] ?? null;
}

function put(records: Records, id: string, changes: States): void {
  // null, a word that it is gone: another worker's directory may have it still.
  const next = { ...parse(records.get(keyOf(id))), ...changes };
  // What does not arrive now comes along with the next change; the old session goes on until it has.
  records.put(keyOf(id), JSON.stringify(next)).catch(() => {});
}

function keyOf(connectionId: string): string {
  return `connection.${connectionId}`;
}

function parse(text: string | null): States {
  if (text === null) return {};
  try {
    const read: unknown = JSON.parse(text);
    if (typeof read !== 'object' || read === null) return {};
    const isState = (value: unknown): boolean => typeof value === 'string' || value === null;
    return Object.fromEntries(Object.entries(read).filter(([, value]) => isState(value))) as States;
  } catch {
    return {};
  }
}
