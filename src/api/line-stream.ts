// Lines of JSON to somebody who follows: those of one turn of the event loop go out together, what comes faster than it is read
// is counted instead of filling the memory.
import type { ServerResponse } from 'node:http';

/** Of what waits for the reader. */
const MAX_BYTES = 1024 * 1024;

const texts = new WeakMap<object, string>();

export class LineStream {
  readonly #stream: ServerResponse;
  #lines = '';
  #isDue = false;
  #missed = 0;
  #more = 0;

  constructor(stream: ServerResponse) {
    this.#stream = stream;
  }

  /** One that is told to many streams is written out once. */
  write(line: object): void {
    if (this.#stream.writableLength + this.#lines.length > MAX_BYTES) this.miss();
    else {
      this.#tellMissed();
      const text = texts.get(line) ?? JSON.stringify(line);
      texts.set(line, text);
      this.#add(text);
    }
  }

  /** A line that the reader would have got. `{"missed": n}` stands before the next one. */
  miss(): void {
    this.#missed += 1;
  }

  /** A line that the reader did not want to have. `{"more": n}` says so with those of its turn. */
  leaveOut(): void {
    this.#more += 1;
    this.#send();
  }

  #tellMissed(): void {
    if (this.#missed === 0) return;
    const missed = this.#missed;
    this.#missed = 0;
    this.#add(JSON.stringify({ missed }));
  }

  #add(text: string): void {
    this.#lines += `${text}\n`;
    this.#send();
  }

  #send(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    setImmediate(() => {
      this.#isDue = false;
      // Counts alone wait for a reader that has hung up without a word.
      if (this.#lines === '' && this.#stream.writableLength > MAX_BYTES) return;
      const more = this.#more === 0 ? '' : `{"more":${this.#more}}\n`;
      this.#more = 0;
      const lines = this.#lines + more;
      this.#lines = '';
      if (lines !== '' && !this.#stream.destroyed) this.#stream.write(lines);
    });
  }
}
