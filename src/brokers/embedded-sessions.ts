// All sessions of the bridge's own sources on the embedded broker, and their rows in its file.
import { describeError } from '../domain/errors.ts';
import { type SessionOptions, SourceSession, type SourceTarget } from './embedded-session.ts';

export class SourceSessions {
  readonly #options: SessionOptions;
  readonly #sessions = new Map<string, SourceSession>();
  #lastId = 0;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /** Before anyone may publish: the sources of the process before this one are away. */
  load(): void {
    const { file } = this.#options;
    // Of a source that was cleared: its client's next one may be another account's.
    file.lazy(() => file.run('DELETE FROM kept WHERE client NOT IN (SELECT client FROM sources)'));
    this.#lastId = Number(file.all('SELECT MAX(id) AS id FROM kept')[0]?.id ?? 0);
    const kept = new Map<string, { messages: number; bytes: number }>();
    const counts = 'SELECT client, COUNT(*) AS messages, SUM(LENGTH(payload)) AS bytes FROM kept GROUP BY client';
    for (const { client, messages, bytes } of file.all(counts)) {
      kept.set(String(client), { messages: Number(messages), bytes: Number(bytes) });
    }
    for (const { client, topics } of file.all('SELECT client, topics FROM sources')) {
      this.#add(String(client), JSON.parse(String(topics)) as string[], kept.get(String(client)));
    }
  }

  has(clientId: string): boolean {
    return this.#sessions.has(clientId);
  }

  /** Takes at once what comes. `stored` resolves when the session would outlive this process; a failure is told. */
  open(
    clientId: string,
    topics: readonly string[],
    target: SourceTarget,
  ): { readonly session: SourceSession; readonly stored: Promise<void> } {
    const known = this.#sessions.get(clientId);
    const isSame = known !== undefined && known.topics.join('\0') === topics.join('\0');
    const session = known ?? this.#add(clientId, topics);
    session.attach(topics, target);
    return { session, stored: isSame ? Promise.resolve() : this.#store(clientId, JSON.stringify(topics)) };
  }

  /** Resolves when nothing of it is left. */
  async clear(clientId: string): Promise<void> {
    const { file } = this.#options;
    this.#sessions.get(clientId)?.end();
    this.#sessions.delete(clientId);
    await file.durable(() => {
      file.run('DELETE FROM sources WHERE client = ?', clientId);
      file.run('DELETE FROM kept WHERE client = ?', clientId);
    });
  }

  async #store(clientId: string, topics: string): Promise<void> {
    const { file, onNotice } = this.#options;
    try {
      await file.durable(() => file.run('REPLACE INTO sources (client, topics) VALUES (?, ?)', clientId, topics));
    } catch (error) {
      onNotice(`the session "${clientId}" could not be stored: ${describeError(error)}`);
    }
  }

  #add(clientId: string, topics: readonly string[], kept = { messages: 0, bytes: 0 }): SourceSession {
    const session = new SourceSession(clientId, topics, kept, this.#options, () => {
      this.#lastId += 1;
      return this.#lastId;
    });
    this.#sessions.set(clientId, session);
    return session;
  }
}
