// Whose a client id is on the embedded broker: of the user that is connected with it, or has left a session under it. Else any user
// could end the session of another one, and with it what waits there, by connecting with its client id.
import type { BrokerFile } from './embedded-file.ts';

/** What the broker knows of users. */
export interface Users {
  has(name: string): boolean;
  /** May read one of the topics at least. */
  mayReadAny(name: string, topics: readonly string[]): boolean;
}

interface Live {
  readonly user: string;
  /** Connections; the former one of a client that came back may not have ended yet. */
  readonly clients: Set<object>;
}

export class ClientOwners {
  readonly #file: BrokerFile;
  readonly #live = new Map<string, Live>();
  /** Of sessions; one without a session counts for nothing. */
  readonly #stored = new Map<string, string>();

  constructor(file: BrokerFile) {
    this.#file = file;
  }

  load(): void {
    for (const { client, user } of this.#file.all('SELECT client, user FROM owners')) {
      this.#stored.set(String(client), String(user));
    }
  }

  /**
   * False: it is another user's. `topics` are those of the session that waits under the id, null without one. A session of a
   * user that there is no more, or of a version that did not write down whose it was, goes to the first who may read of it.
   */
  claim(id: string, client: object, user: string, topics: readonly string[] | null, users: Users): boolean {
    const live = this.#live.get(id);
    if (live === undefined) {
      if (topics !== null && !this.#mayResume(id, user, topics, users)) return false;
      this.#live.set(id, { user, clients: new Set([client]) });
      return true;
    }
    if (live.user !== user) return false;
    live.clients.add(client);
    return true;
  }

  #mayResume(id: string, user: string, topics: readonly string[], users: Users): boolean {
    const owner = this.#stored.get(id);
    if (owner === user) return true;
    if ((owner !== undefined && users.has(owner)) || !users.mayReadAny(user, topics)) return false;
    this.#stored.set(id, user);
    this.#file.lazy(() => this.#write(id, user));
    return true;
  }

  /** The connection has ended. */
  release(id: string, client: object): void {
    const live = this.#live.get(id);
    if (live?.clients.delete(client) && live.clients.size === 0) this.#live.delete(id);
  }

  /** Whose session it is; undefined: nobody knows, or there is none. */
  of(id: string): string | undefined {
    return this.#stored.get(id);
  }

  /**
   * What makes it known whose a session is that is asked for now: `write` within the write that begins it, `written` when it
   * has begun. Not before: another write of the same moment may end the session that was there until then.
   */
  keep(id: string): { readonly write: () => void; readonly written: () => void } {
    const user = this.#live.get(id)?.user;
    if (user === undefined) return { write: () => {}, written: () => {} };
    return { write: () => this.#write(id, user), written: () => this.#stored.set(id, user) };
  }

  /** Within a write that may have ended the session. */
  forgetWithoutSession(id: string): void {
    const without = 'DELETE FROM owners WHERE client = ? AND NOT EXISTS (SELECT 1 FROM subscriptions WHERE client = ?)';
    this.#file.run(without, id, id);
  }

  /** The session has ended. */
  forget(id: string): void {
    this.#stored.delete(id);
  }

  #write(id: string, user: string): void {
    this.#file.run('REPLACE INTO owners (client, user) VALUES (?, ?)', id, user);
  }
}
