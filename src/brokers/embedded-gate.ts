// The embedded broker's gate: a publish is accepted, and then acknowledged, once everyone who must keep it has kept it.
// aedes writes PUBACK before it publishes or stores anything, but not before its `authorizePublish` hook has called back: so
// that callback is what waits here. aedes reads a publisher's next chunk only when those of the chunk before are through, so
// what waits is bounded by one chunk per connection, and a publisher whose messages wait feels it as back-pressure.
import { describeError } from '../domain/errors.ts';
import type { BrokerMessage } from '../domain/ports/broker.ts';
import type { Cancel, Clock } from '../domain/ports/clock.ts';
import type { Admission, Publication, Route } from './embedded-admission.ts';
import { Turns } from './embedded-turns.ts';
import { isBelow, TopicTree } from './topics.ts';

/** While every matching journal is full: how often they are asked again. */
const ROOM_POLL_MS = 100;
/** After a journal has refused messages: how long until they are offered to it again. */
const OFFER_AGAIN_MS = 1_000;

export interface GateOptions {
  /** Sources never get what lies below it, nor what brokers say of themselves, not even when they ask for it. */
  readonly ownPrefix?: string | null;
  readonly clock: Clock;
  /** Keeps what must be on the disk before the acknowledgement; null: nothing must. Sources take what `isUplink`. */
  readonly store: (publication: Publication, publisher: object, isUplink: boolean) => Promise<void> | null;
  /** Accepted: everyone has kept it. Just before the acknowledgement, in the order of each publisher. */
  readonly onAccepted: (publication: Publication) => void;
  /** Neither accepted nor refused: its publisher has left. */
  readonly onDropped: (publication: Publication) => void;
  /** Something that a person should know. */
  readonly onNotice: (message: string) => void;
}

export class PublishGate {
  readonly #options: GateOptions;
  readonly #routes = new TopicTree<Route>();
  /** What came in this turn of the event loop. */
  #arrived: Admission[] = [];
  #offering = false;
  /** No journal has room, or one has refused them: offered again later. */
  readonly #later = new Set<Admission>();
  readonly #turns = new Turns<Route, Admission>();
  #lastId = 0;
  #cancelLater: Cancel | null = null;
  /** Per publisher, in its order: acknowledgements keep it. */
  readonly #queues = new Map<object, Admission[]>();

  constructor(options: GateOptions) {
    this.#options = options;
  }

  addRoute(filters: readonly string[], route: Route): void {
    for (const filter of filters) this.#routes.add(filter, route);
  }

  removeFilters(filters: readonly string[], route: Route): void {
    for (const filter of filters) this.#routes.remove(filter, route);
  }

  /** What it has not kept yet goes on without it. */
  removeRoute(filters: readonly string[], route: Route): void {
    this.removeFilters(filters, route);
    this.#turns.forget(route);
    // Of all queues: those that came in this turn have matched it already, and are not offered yet.
    for (const admission of [...this.#queues.values()].flat()) {
      if (!admission.routes.delete(route) || admission.routes.size > 0) continue;
      if (this.#later.delete(admission)) this.#settle([admission]);
    }
  }

  /** Something that came for it is not handed over yet, or is to be offered again. */
  owes(route: Route): boolean {
    return this.#turns.areWaitedFor(route) || this.#arrived.some(({ routes }) => routes.has(route));
  }

  /** `done` is called once, unless the publisher leaves or the gate stops before. An error means: refused, nothing is promised. */
  admit(publisher: object, publication: Publication, done: (error: Error | null) => void): void {
    const { topic, payload, qos, dup } = publication;
    const isNoUplink = topic.startsWith('$') || isBelow(this.#options.ownPrefix ?? null, topic);
    const routes = isNoUplink ? new Set<Route>() : this.#routes.match(topic);
    this.#lastId += 1;
    const admission: Admission = {
      id: this.#lastId,
      publication,
      message: { topic, payload, qos, retain: false, dup, arrivedAt: this.#options.clock.now() },
      publisher,
      done,
      routes,
      leftOut: [],
      ...{ kept: false, stored: false, waiting: 0, error: null, ready: false, gone: false },
    };
    const queue = this.#queues.get(publisher);
    if (queue === undefined) this.#queues.set(publisher, [admission]);
    else queue.push(admission);
    this.#arrived.push(admission);
    if (this.#offering) return;
    this.#offering = true;
    // What else is readable in this turn of the event loop comes along in the same batch.
    setImmediate(this.#offerArrived);
  }

  /**
   * The publisher has gone. What waits for room is dropped: it was never acknowledged, and the publisher, when it is back,
   * would bring it again and again. What somebody is keeping just now goes its way.
   */
  leave(publisher: object): void {
    const queue = this.#queues.get(publisher);
    if (queue === undefined) return;
    const rest = queue.filter((admission) => {
      admission.gone = this.#later.delete(admission);
      if (!admission.gone) return true;
      this.#turns.leave(admission.routes, admission);
      this.#options.onDropped(admission.publication);
      return false;
    });
    queue.splice(0, queue.length, ...rest);
    this.#release(publisher);
  }

  stop(): void {
    for (const queue of this.#queues.values()) for (const admission of queue) admission.gone = true;
    this.#queues.clear();
    this.#later.clear();
    this.#turns.clear();
    this.#cancelLater?.();
    this.#cancelLater = null;
  }

  readonly #offerArrived = (): void => {
    this.#offering = false;
    const arrived = this.#arrived;
    this.#arrived = [];
    this.#offer(arrived);
  };

  #offer(admissions: readonly Admission[]): void {
    const batches = new Map<Route, Admission[]>();
    const settled: Admission[] = [];
    for (const admission of admissions) {
      if (admission.gone) continue;
      if (!this.#distribute(admission, batches)) continue;
      this.#store(admission);
      if (admission.waiting === 0) settled.push(admission);
    }
    for (const [route, batch] of batches) this.#handOver(route, batch);
    this.#settle(settled);
  }

  /** False: nobody takes it now, so it waits. */
  #distribute(admission: Admission, batches: Map<Route, Admission[]>): boolean {
    const { routes } = admission;
    if (routes.size === 0) return true;
    const full: Route[] = [];
    const open: Route[] = [];
    // QoS 0 knows no acknowledgement to withhold.
    const mayWait = admission.publication.qos > 0;
    for (const route of routes) {
      if (mayWait && !this.#turns.isNext(route, admission)) continue;
      if (route.paused || route.listener.hasRoom === false) full.push(route);
      else open.push(route);
    }
    if (open.length === 0 && mayWait && !(admission.kept && full.length === routes.size)) {
      this.#offerLater(admission, full.length === routes.size ? ROOM_POLL_MS : OFFER_AGAIN_MS);
      return false;
    }
    for (const route of full) {
      routes.delete(route);
      admission.leftOut.push(route);
    }
    this.#turns.leave(full, admission);
    this.#turns.leave(open, admission);
    for (const route of routes) if (!open.includes(route)) this.#turns.wait(route, admission);
    for (const route of open) {
      const batch = batches.get(route);
      if (batch === undefined) batches.set(route, [admission]);
      else batch.push(admission);
    }
    admission.waiting += open.length;
    return true;
  }

  #store(admission: Admission): void {
    if (admission.stored) return;
    admission.stored = true;
    const { publication, publisher, routes, leftOut } = admission;
    const stored = this.#options.store(publication, publisher, routes.size + leftOut.length > 0);
    if (stored === null) return;
    admission.waiting += 1;
    const then = (error: Error | null): void => {
      admission.error = error;
      admission.waiting -= 1;
      if (admission.waiting === 0) this.#settle([admission]);
    };
    stored.then(
      () => then(null),
      (error: unknown) => {
        const { topic } = publication;
        this.#options.onNotice(`The broker could not store "${topic}": ${describeError(error)}. It was refused.`);
        then(error instanceof Error ? error : new Error(String(error)));
      },
    );
  }

  #handOver(route: Route, batch: readonly Admission[]): void {
    let told = false;
    const done = (error: Error | null): void => {
      if (told) return;
      told = true;
      for (const admission of batch) {
        admission.waiting -= 1;
        if (error === null) {
          admission.routes.delete(route);
          admission.kept = true;
        } else if (!admission.gone && admission.routes.has(route)) this.#turns.wait(route, admission);
      }
      this.#settle(batch.filter((admission) => admission.waiting === 0));
    };
    route.listener.onMessages(
      batch.map((admission) => admission.message),
      done,
    );
  }

  #settle(admissions: readonly Admission[]): void {
    const publishers = new Set<object>();
    for (const admission of admissions) {
      if (admission.gone || admission.ready) continue;
      if (admission.error === null && admission.routes.size > 0) {
        this.#offerLater(admission, OFFER_AGAIN_MS);
        continue;
      }
      admission.ready = true;
      this.#turns.leave(admission.routes, admission);
      publishers.add(admission.publisher);
    }
    for (const publisher of publishers) this.#release(publisher);
  }

  /** Acknowledges what is ready at the head of the publisher's queue. */
  #release(publisher: object): void {
    const queue = this.#queues.get(publisher);
    if (queue === undefined) return;
    let count = 0;
    while (queue[count]?.ready) count += 1;
    const released = queue.splice(0, count);
    if (queue.length === 0) this.#queues.delete(publisher);
    // All at once, before the first acknowledgement: counting them costs a transaction.
    const without = new Map<Route, BrokerMessage[]>();
    for (const { error, leftOut, message } of released) {
      if (error !== null) continue;
      for (const route of leftOut) {
        const messages = without.get(route);
        if (messages === undefined) without.set(route, [message]);
        else messages.push(message);
      }
    }
    for (const [route, messages] of without) route.listener.onLeftOut?.(messages);
    for (const { error, publication, done } of released) {
      if (error === null) this.#options.onAccepted(publication);
      done(error);
    }
  }

  #offerLater(admission: Admission, ms: number): void {
    this.#later.add(admission);
    for (const route of admission.routes) this.#turns.wait(route, admission);
    this.#cancelLater ??= this.#options.clock.after(ms, () => {
      this.#cancelLater = null;
      const waiting = [...this.#later].sort((one, other) => one.id - other.id);
      this.#later.clear();
      this.#offer(waiting);
    });
  }
}
