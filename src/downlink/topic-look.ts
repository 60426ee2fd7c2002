// Looks whether the topic of a connection's downlinks is there, so that a person hears of it before the first command waits.
import type { CommandNews } from './command-news.ts';

/** Null: it is there; else what to do. Rejects when the broker cannot be asked. */
export type FindTopic = (broker: string, topic: string) => Promise<string | null>;

export class TopicLook {
  readonly #find: FindTopic;
  readonly #news: CommandNews;
  /** What was looked at last, and whether it was there. */
  #place = '';
  #isThere = false;
  #told = false;

  constructor(find: FindTopic, news: CommandNews) {
    this.#find = find;
    this.#news = news;
  }

  /** To be called at the start, at changes and now and then: asks only while the topic has not been seen. Never throws. */
  look(broker: string, topic: string): void {
    const place = JSON.stringify([broker, topic]);
    if (place !== this.#place) {
      this.#place = place;
      this.#isThere = false;
      this.#told = false;
    }
    if (this.#isThere) return;
    this.#find(broker, topic).then(
      (absence) => {
        if (place !== this.#place) return;
        this.#isThere = absence === null;
        if (absence === null || this.#told) return;
        this.#told = true;
        this.#news.noTopic(broker, absence);
      },
      // The broker is away: its sources and publishers tell of that, and it is asked again.
      () => {},
    );
  }
}
