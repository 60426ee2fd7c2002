// What users of the embedded broker may publish and read. One without rights of its own may do everything; a device's user gets
// its own topics alone, so that a device that was taken apart gives away no other one's.
import type { AedesOptions, Client } from 'aedes';
import { assertSubscribable, refusalOf } from './embedded-topics.ts';
import type { EmbeddedUser } from './embedded-users.ts';

export interface TopicRights {
  mayPublish(topic: string): boolean;
  /** Every topic that the filter matches must be allowed. */
  maySubscribe(filter: string): boolean;
}

/** Stands for the user's name in a filter. */
const NAME = '{username}';

/** Null: everything. One list alone: nothing of the other kind. */
function rightsOf({ name, publish, subscribe }: EmbeddedUser): TopicRights | null {
  if (publish === undefined && subscribe === undefined) return null;
  const own = (filters: readonly string[] = []) => filters.map((filter) => filter.replaceAll(NAME, name).split('/'));
  const [out, into] = [own(publish), own(subscribe)];
  return {
    mayPublish: (topic) => out.some((allowed) => covers(allowed, topic.split('/'))),
    maySubscribe: (filter) => into.some((allowed) => covers(allowed, filter.split('/'))),
  };
}

/** Whether all that `asked` (a topic or a filter) matches is matched by `allowed`. */
export function covers(allowed: readonly string[], asked: readonly string[]): boolean {
  // Wildcards in the first place do not match the broker's own topics.
  if (asked[0]?.startsWith('$') && allowed[0] !== asked[0]) return false;
  for (let at = 0; ; at++) {
    const level = allowed[at];
    // `a/#` is `a` as well.
    if (level === '#') return true;
    const wanted = asked[at];
    if (level === undefined || wanted === undefined) return level === wanted;
    if (wanted === '#') return false;
    if (level !== '+' && level !== wanted) return false;
  }
}

/** The rights of the clients that are connected. */
export class ClientRights {
  readonly #byUser: ReadonlyMap<string, TopicRights | null>;
  readonly #byClient = new WeakMap<object, TopicRights>();

  constructor(users: readonly EmbeddedUser[]) {
    this.#byUser = new Map(users.map((user) => [user.name, rightsOf(user)]));
  }

  /** False: its will is for a topic that it may not publish to. */
  connects(client: Client, username: string): boolean {
    const rights = this.#byUser.get(username) ?? null;
    if (rights === null) return true;
    this.#byClient.set(client, rights);
    const { _will: will } = client as unknown as { _will?: { topic?: unknown } };
    return will === undefined || (typeof will.topic === 'string' && rights.mayPublish(will.topic));
  }

  mayReadAny(username: string, topics: readonly string[]): boolean {
    const rights = this.#byUser.get(username) ?? null;
    return rights === null || topics.some((topic) => rights.maySubscribe(topic));
  }

  mayPublish(client: object | null, topic: string): boolean {
    return client === null || this.#byClient.get(client)?.mayPublish(topic) !== false;
  }

  maySubscribe(client: object, filter: string): boolean {
    return this.#byClient.get(client)?.maySubscribe(filter) !== false;
  }

  /**
   * A filter that is not allowed is answered as refused (SUBACK 128); the connection stays. So is one that is none but that
   * aedes lets pass, such as `a#`: a session does not keep it.
   */
  readonly authorizeSubscribe: NonNullable<AedesOptions['authorizeSubscribe']> = (client, wanted, done) => {
    const isFilter = refusalOf(wanted.topic, assertSubscribable) === null;
    done(null, isFilter && this.maySubscribe(client, wanted.topic) ? wanted : null);
  };

  /** Also of a session that somebody else has subscribed: what may not be read is left out. */
  readonly authorizeForward: NonNullable<AedesOptions['authorizeForward']> = (client, packet) =>
    this.#byClient.get(client)?.maySubscribe(packet.topic) === false ? null : packet;
}
