// Small states of a connection that its next worker must know (its sessions at brokers, that its deletion has begun, the remembered project,
// a hold, a refusal that was told, how far its commands are handled, its retired devices) are on a topic besides the store: what is
// there counts when a store is opened, and where nothing of the connection is stored.
import type { BridgeStore, ConnectionStore } from '../domain/ports/store.ts';
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

/** A store whose connections take their states from the topic when they are opened, and put changes there. */
export function travellingStore(store: BridgeStore, records: Records): BridgeStore {
  return new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (name === 'openConnection') {
        return async (id: string, options: { readonly maxBytes: number }) => {
          return withStates(await target.openConnection(id, options), records);
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
          if (TRAVELS.test(state) && records.get(keyOf(id)) !== null) put(records, keyOf(id), state, next);
        };
      }
      return typeof value === 'function' ? (value as (...all: unknown[]) => unknown).bind(target) : value;
    },
  });
}

function withStates(store: ConnectionStore, records: Records): ConnectionStore {
  const key = keyOf(store.id);
  const setOwn = store.setState.bind(store);
  const takeOver = (name: string, value: string | null): void => {
    if (store.getState(name) !== value) setOwn(name, value);
  };
  for (const [name, value] of Object.entries(parse(records.get(key)))) if (TRAVELS.test(name)) takeOver(name, value);
  const retired = new TravellingList(records, RETIRED, store.id);
  const travelled = retired.read();
  if (travelled !== null) takeOver(RETIRED, travelled);
  // Of a worker that had them before they travelled.
  else if (store.getState(RETIRED) !== null) retired.put(store.getState(RETIRED));
  store.setState = (name, value) => {
    setOwn(name, value);
    if (name === RETIRED) retired.put(value);
    if (!TRAVELS.test(name)) return;
    put(records, key, name, value);
  };
  return store;
}

/** What another worker has put meanwhile is of its own connection of that name: it stays. */
async function deleteTravelled(records: Records, id: string, deleteHere: () => Promise<void>): Promise<void> {
  const retired = new TravellingList(records, RETIRED, id);
  const before = { states: records.get(keyOf(id)), retired: retired.read() };
  await deleteHere();
  if (records.get(keyOf(id)) !== before.states || retired.read() !== before.retired) return;
  if (before.states !== null) await records.put(keyOf(id), null).catch(() => {});
  await forgetTravelled(records, RETIRED, id);
}

function put(records: Records, key: string, name: string, value: string | null): void {
  // A word that it is gone: another worker's directory may have it still.
  const next = { ...parse(records.get(key)), [name]: value };
  // What does not arrive now comes along with the next change; the old session goes on until it has.
  records.put(key, JSON.stringify(next)).catch(() => {});
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
