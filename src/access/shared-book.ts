// The book on the config topic: one sealed record, `{prefix}/access/book`, beside the definitions.
//
// On the topic and not in the data directory, so that all API processes agree (design points 3 and 10): the same record
// decides everywhere, and its order is the broker's. Sealed with the bridge's key, for more may read the topic than may
// see password hashes, and whoever may write to it must not become an administrator by a record of their own. A sealed copy
// stays in the data directory: it lets people in while the broker is away, and tells an old book put back, or a topic that
// was emptied, from news: then ours is published again.
import { createHash } from 'node:crypto';
import { BridgeError, EXIT } from '../domain/errors.ts';
import type { Broker, Publisher, TableReader } from '../domain/ports/broker.ts';
import type { Cancel, Clock } from '../domain/ports/clock.ts';
import type { SecretBox } from '../domain/ports/secrets.ts';
import { type Book, EMPTY_BOOK, readBook, writeBook } from './book.ts';

/** A small file of the data directory. */
export interface KeptFile {
  /** Null: there is none. Throws when it cannot be read. */
  read(): string | null;
  /** Durable on return. Throws when the disk refuses. */
  write(text: string): void;
}

/** What a person should know; at most once each until it changes. */
export type BookTrouble =
  /** Sealed with a key that this bridge has not. */
  | { readonly kind: 'unreadable'; readonly message: string }
  /** Someone put an older, foreign or no book in the place of ours. */
  | { readonly kind: 'putBack'; readonly message: string }
  | { readonly kind: 'notKept'; readonly message: string };

export interface SharedBookOptions {
  readonly broker: Broker;
  readonly publisher: Publisher;
  /** Of the bridge's topics. */
  readonly prefix: string;
  readonly box: SecretBox;
  readonly clock: Clock;
  readonly file: KeptFile;
  /** Must not throw. */
  readonly onTrouble: (trouble: BookTrouble) => void;
  /** The table's record under this key is somebody else's: told of it, and of its absence, as it comes. */
  readonly other?: { readonly key: string; readonly heard: (value: string | null) => void };
  /** Whether the broker can be asked; it is asked again where it cannot. */
  readonly onReach?: (reach: { readonly up: boolean; readonly reason: string }) => void;
  /** How long the broker may take to hand out what it retains. 300 ms by default. */
  readonly settleMs?: number;
}

export type Written =
  | { readonly kind: 'ok' }
  | { readonly kind: 'conflict' }
  | { readonly kind: 'unavailable'; readonly message: string };

const KEY = 'book';
const CONTEXT = 'access book';
const MAX_BYTES = 1024 * 1024;
const READ_BACK_MS = 10_000;
const BROKER_AWAY_MS = 5000;
/** Somebody who insists is answered so often only. */
const MEND_EVERY_MS = 1000;

export class SharedBook {
  readonly #options: SharedBookOptions;
  readonly #reader: TableReader;
  readonly #topic: string;
  readonly #ready = Promise.withResolvers<void>();
  #book: Book = EMPTY_BOOK;
  /** There is a book that this bridge cannot read, and none of its own. */
  #locked = false;
  #up = false;
  /** The topic was read: what is known of the users is known, also that there are none. */
  #isRead = false;
  #awaited: { readonly book: Book; readonly resolve: (written: Written) => void } | null = null;
  #mendedAt = Number.NEGATIVE_INFINITY;
  #mending: Cancel | null = null;
  #told = '';

  constructor(options: SharedBookOptions) {
    this.#options = options;
    const { broker, prefix, settleMs = 300 } = options;
    this.#topic = `${prefix}/access/${KEY}`;
    this.#reader = broker.openTable(
      { prefix: `${prefix}/access`, settleMs },
      {
        onRecord: (key, value) => {
          if (key === KEY) this.#onRecord(value);
          else if (key === options.other?.key) options.other.heard(value?.toString('utf8') ?? null);
        },
        onSnapshot: (keys) => {
          if (!keys.has(KEY))
            this.#putBack('The record of users is gone from the config topic; it was published again');
          this.#isRead = true;
          if (options.other !== undefined && !keys.has(options.other.key)) options.other.heard(null);
          this.#ready.resolve();
        },
        onStatus: ({ up, reason = 'no answer', fatal = false }) => {
          this.#up = up;
          if (!fatal) options.onReach?.({ up, reason });
          if (up) return;
          // A topic that is not as it must be: a person has to mend it. Once people are let in they stay so.
          if (fatal) {
            this.#ready.reject(
              new BridgeError('usersUnreadable', `The users cannot be read: ${reason}`, { exitCode: EXIT.unavailable }),
            );
          }
        },
      },
    );
  }

  /**
   * Resolves when the book is known: from the topic, or, where the broker is away, from the data directory. Rejects with a
   * BridgeError `usersUnreadable` (69), or `stopped` when the signal says so.
   */
  async start(signal?: AbortSignal): Promise<void> {
    this.#readFile();
    const stop = (): void =>
      this.#ready.reject(new BridgeError('stopped', 'Stopped while waiting for the users.', { exitCode: EXIT.ok }));
    if (signal?.aborted === true) stop();
    signal?.addEventListener('abort', stop, { once: true });
    this.#reader.start();
    // With a book of ours people may come in while the broker is away; without one nobody knows yet whether there are users.
    let cancel: Cancel = () => {};
    if (this.#book.revision > 0) cancel = this.#options.clock.after(BROKER_AWAY_MS, () => this.#ready.resolve());
    try {
      await this.#ready.promise;
    } finally {
      cancel();
      signal?.removeEventListener('abort', stop);
    }
  }

  /** Ends a start that waits, too. */
  async stop(): Promise<void> {
    this.#ready.resolve();
    this.#mending?.();
    await this.#reader.stop();
  }

  get book(): Book {
    return this.#book;
  }

  /** Users exist or may exist, but nobody can be recognised: the book is sealed with another key. */
  get isLocked(): boolean {
    return this.#locked;
  }

  /** `next` must be made of `book` as it is now. `conflict`: another process was faster; make it anew. Not to be called twice at a time. */
  async write(next: Book): Promise<Written> {
    const { publisher, clock } = this.#options;
    if (this.#locked) return unavailable('The users are sealed with another key; see the events');
    if (!this.#up || !publisher.connected) return unavailable('The config topic cannot be reached; try again later');
    const heard = Promise.withResolvers<Written>();
    this.#awaited = { book: next, resolve: heard.resolve };
    const notRead = unavailable('The change was published but not read back');
    const cancel = clock.after(READ_BACK_MS, () => heard.resolve(notRead));
    try {
      await publisher.publish(this.#topic, this.#seal(next), { retain: true });
      return await heard.promise;
    } catch (error) {
      return unavailable(`The config topic did not take it: ${error instanceof Error ? error.message : String(error)}`);
    } finally {
      this.#awaited = null;
      cancel();
    }
  }

  /** Publishes the book anew under the current key. */
  reseal(): Promise<void> {
    if (this.#book.revision === 0) return Promise.resolve();
    this.#keep();
    return this.#options.publisher.publish(this.#topic, this.#seal(this.#book), { retain: true });
  }

  #onRecord(value: Buffer | null): void {
    if (value === null) {
      this.#putBack('The record of users was deleted from the config topic by someone else; it was published again');
      return;
    }
    const next = this.#unseal(value.length > MAX_BYTES ? '' : value.toString('utf8'), 'on the config topic');
    if (next === null) return;
    const { revision, id } = this.#book;
    if (next.revision > revision || this.#locked) {
      this.#book = next;
      this.#locked = false;
      this.#keep();
    } else if (next.revision < revision) {
      this.#putBack('An old record of users was put on the config topic; the one in force was published again');
    } else if (next.id !== id) this.#settleConflict();
    if (this.#awaited === null || this.#book.revision < this.#awaited.book.revision) return;
    // Judged now: the next record may be a further change already.
    this.#awaited.resolve(this.#book.id === this.#awaited.book.id ? { kind: 'ok' } : { kind: 'conflict' });
  }

  #unseal(text: string, where: string): Book | null {
    const { box } = this.#options;
    let message = `The record of users ${where} is none that a bridge writes, and is left out.`;
    // The box hands plain text back as it is: what is not sealed is nobody's word.
    if (box.isEncrypted(text)) {
      try {
        const book = readBook(box.decrypt(text, CONTEXT));
        if (book !== null) return book;
        message = `The record of users ${where} is of a form that this version does not know, and is left out.`;
      } catch (error) {
        message =
          `The record of users ${where} cannot be read: ${(error as Error).message} Give this bridge the key it was sealed with ` +
          '(secrets.key or secrets.formerKeys), or, to start anew, delete the record and `access.sealed` in the data directory.';
      }
      // It is left where it is: two bridges with different keys would put theirs back for ever.
      // What comes later may be anybody's, and must not lock out those who were let in until then.
      if (this.#book.revision === 0 && !this.#isRead) this.#locked = true;
    } else
      this.#putBack(
        'A record that no bridge has sealed was put in the place of the users; the one in force was published again',
      );
    this.#tell({ kind: 'unreadable', message });
    return null;
  }

  /**
   * Two changes were made of one book. The first that came holds, but the second is what the topic retains: a process that
   * starts now hears only that one. So the first is published once more as the next revision, by all that have heard both, under
   * an id that they all arrive at.
   */
  #settleConflict(): void {
    const { id, ...content } = this.#book;
    const revision = this.#book.revision + 1;
    const again = createHash('sha256')
      .update(writeBook({ ...content, id, revision }))
      .digest('base64url')
      .slice(0, 12);
    this.#publish({ ...content, id: again, revision });
  }

  #putBack(message: string): void {
    if (this.#book.revision === 0 || this.#locked || this.#mending !== null) return;
    const { clock, onTrouble } = this.#options;
    const waitMs = Math.max(0, this.#mendedAt + MEND_EVERY_MS - clock.monotonic());
    this.#mending = clock.after(waitMs, () => {
      this.#mending = null;
      this.#mendedAt = clock.monotonic();
      onTrouble({ kind: 'putBack', message: `${message}.` });
      this.#publish(this.#book);
    });
  }

  #publish(book: Book): void {
    const { publisher, onTrouble } = this.#options;
    publisher.publish(this.#topic, this.#seal(book), { retain: true }).catch((error: Error) => {
      onTrouble({ kind: 'notKept', message: `The record of users could not be published again: ${error.message}` });
    });
  }

  #readFile(): void {
    const text = this.#options.file.read();
    if (text === null) return;
    const book = this.#unseal(text.trim(), 'in the data directory');
    if (book !== null) this.#book = book;
  }

  #keep(): void {
    try {
      this.#options.file.write(`${this.#seal(this.#book)}\n`);
    } catch (error) {
      const message = `The copy of the users in the data directory could not be written: ${(error as Error).message}`;
      this.#tell({ kind: 'notKept', message });
    }
  }

  #seal(book: Book): string {
    return this.#options.box.encrypt(writeBook(book), CONTEXT);
  }

  #tell(trouble: BookTrouble): void {
    if (this.#told === trouble.message) return;
    this.#told = trouble.message;
    this.#options.onTrouble(trouble);
  }
}

function unavailable(message: string): Written {
  return { kind: 'unavailable', message };
}
