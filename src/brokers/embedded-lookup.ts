// Looks among the embedded broker's retained messages for those of a SUBSCRIBE's filters, in turns: aedes-persistence compares each
// filter with each message at one go, which holds up everybody for seconds when both are many.

/** Comparisons, about half a millisecond of them; then others have a turn. */
const AT_ONCE = 5_000;

export class RetainedLookup {
  /** The last turn that was asked for. All that look share them, so that many at once hold up nobody either. */
  #turn: Promise<void> = Promise.resolve();

  /**
   * Filter by filter, so what several of them match comes as often. What is stored meanwhile may be found or not: who subscribes
   * gets that anyway. Ends early when whom it is for `isGone`.
   */
  async *find<T>(
    retained: ReadonlyMap<string, T>,
    filters: readonly string[],
    isGone: () => boolean,
  ): AsyncGenerator<T, void> {
    let left = AT_ONCE;
    for (const filter of filters) {
      if (!/[+#]/.test(filter)) {
        const message = retained.get(filter);
        if (message !== undefined) yield message;
        continue;
      }
      const levels = filter.split('/');
      // What is emptied and retained anew goes to the end: without a bound one could keep this from coming to it.
      let rest = retained.size;
      for (const [topic, message] of retained) {
        if (rest === 0) break;
        if (left === 0) {
          await this.#nextTurn();
          if (isGone()) return;
          left = AT_ONCE;
        }
        rest -= 1;
        left -= 1;
        if (matches(levels, topic)) yield message;
      }
    }
  }

  #nextTurn(): Promise<void> {
    this.#turn = this.#turn.then(() => new Promise((resolve) => setImmediate(resolve)));
    return this.#turn;
  }
}

/**
 * As aedes-persistence has it: unlike MQTT (3.1.1, section 4.7) a wildcard in the first place matches `$…` too, and `+` matches
 * no empty level.
 */
function matches(levels: readonly string[], topic: string): boolean {
  // Where the next level begins; one behind the topic's end there is none.
  let start = 0;
  for (const level of levels) {
    // `a/#` matches `a` as well.
    if (level === '#') return true;
    if (start > topic.length) return false;
    const slash = topic.indexOf('/', start);
    const end = slash < 0 ? topic.length : slash;
    if (level === '+' ? end === start : end - start !== level.length || !topic.startsWith(level, start)) return false;
    start = end + 1;
  }
  return start > topic.length;
}
