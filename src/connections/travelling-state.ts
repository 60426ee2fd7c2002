// Small states of a connection that its next worker must know (its sessions at brokers, the remembered project, a hold,
// how far its commands are handled) are on
// a topic besides the store: what is there counts when a store is opened.
import type { BridgeStore, ConnectionStore } from '../domain/ports/store.ts';
import type { SharedRecords } from './shared-records.ts';

type Records = Pick<SharedRecords, 'get' | 'put'>;
type States = Record<string, string>;

/** Anything else belongs to the directory. */
const TRAVELS =
  /^(sessions|heldFor|debugUntil|project:.*|downlinkSince|downlinkSinceHere|downlinkProject|commandsHandled)$/;

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
        return async (id: string) => {
          await target.deleteConnection(id);
          if (records.get(keyOf(id)) !== null) await records.put(keyOf(id), null).catch(() => {});
        };
      }
      return typeof value === 'function' ? (value as (...all: unknown[]) => unknown).bind(target) : value;
    },
  });
}

function withStates(store: ConnectionStore, records: Records): ConnectionStore {
  const key = keyOf(store.id);
  const states = parse(records.get(key));
  for (const [name, value] of Object.entries(states)) {
    if (TRAVELS.test(name) && store.getState(name) !== value) store.setState(name, value);
  }
  const setOwn = store.setState.bind(store);
  store.setState = (name, value) => {
    setOwn(name, value);
    if (!TRAVELS.test(name)) return;
    const next = { ...parse(records.get(key)) };
    if (value === null) delete next[name];
    else next[name] = value;
    // What does not arrive now comes along with the next change; the old session goes on until it has.
    records.put(key, JSON.stringify(next)).catch(() => {});
  };
  return store;
}

function keyOf(connectionId: string): string {
  return `connection.${connectionId}`;
}

function parse(text: string | null): States {
  if (text === null) return {};
  try {
    const read: unknown = JSON.parse(text);
    if (typeof read !== 'object' || read === null) return {};
    return Object.fromEntries(Object.entries(read).filter(([, value]) => typeof value === 'string')) as States;
  } catch {
    return {};
  }
}
