// Whose turn it is: of one publisher's messages a later one never comes to a source before an earlier one that waits for it.

/** A message that waits. `id` grows in the order of arrival. */
export interface Waiting {
  readonly id: number;
  readonly publisher: object;
}

export class Turns<R extends object, W extends Waiting> {
  /** Per source and publisher what waits, the earliest first. Nothing empty is kept. */
  readonly #waiting = new Map<R, Map<object, W[]>>();

  /** False while something earlier of its publisher waits for the source. */
  isNext(source: R, message: W): boolean {
    const first = this.#waiting.get(source)?.get(message.publisher)?.[0];
    return first === undefined || first.id >= message.id;
  }

  /** Something waits for the source. */
  areWaitedFor(source: R): boolean {
    return this.#waiting.has(source);
  }

  /** It could not go to the source; asked again for the same message nothing changes. */
  wait(source: R, message: W): void {
    let publishers = this.#waiting.get(source);
    if (publishers === undefined) {
      publishers = new Map();
      this.#waiting.set(source, publishers);
    }
    const queue = publishers.get(message.publisher);
    if (queue === undefined) {
      publishers.set(message.publisher, [message]);
      return;
    }
    let at = queue.length;
    while (at > 0 && queue[at - 1]!.id > message.id) at -= 1;
    if (queue[at - 1] !== message) queue.splice(at, 0, message);
  }

  /** It goes to the sources, or nowhere any more. */
  leave(sources: Iterable<R>, message: W): void {
    if (this.#waiting.size === 0) return;
    for (const source of sources) this.#leave(source, message);
  }

  #leave(source: R, message: W): void {
    const publishers = this.#waiting.get(source);
    const queue = publishers?.get(message.publisher);
    const at = queue?.indexOf(message) ?? -1;
    if (publishers === undefined || queue === undefined || at < 0) return;
    queue.splice(at, 1);
    if (queue.length > 0) return;
    publishers.delete(message.publisher);
    if (publishers.size === 0) this.#waiting.delete(source);
  }

  /** The source has gone. */
  forget(source: R): void {
    this.#waiting.delete(source);
  }

  clear(): void {
    this.#waiting.clear();
  }
}
