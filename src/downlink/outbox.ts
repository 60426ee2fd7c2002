// Outbox: waiting commands to the broker, each device's in order, and their commit after the broker's word. A broker that is
// away is tried again; a commit that the disk refuses is repeated without publishing once more.

import type { Command, CommandFact } from '../domain/command.ts';
import { BridgeError, describeError } from '../domain/errors.ts';
import type { Publisher } from '../domain/ports/broker.ts';
import type { Cancel, Chance, Clock } from '../domain/ports/clock.ts';

/** What is to become of a waiting command now. */
export type Prepared =
  | { readonly kind: 'publish'; readonly topic: string; readonly message: string; readonly fact: CommandFact }
  | { readonly kind: 'settle'; readonly fact: CommandFact }
  /** The device has to be heard first. */
  | { readonly kind: 'later' };

export interface OutboxOptions {
  readonly publisher: () => Publisher;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly retry: { readonly minMs: number; readonly maxMs: number };
  /** The oldest first. */
  readonly waiting: () => Iterable<Command>;
  readonly prepare: (command: Command) => Prepared;
  /** Commits. Throws when the disk refuses. */
  readonly settle: (command: Command, fact: CommandFact) => void;
  /** The broker takes nothing: once until it does again. */
  readonly onAway: (reason: string) => void;
}

const MAX_IN_FLIGHT = 50;
const DISK_RETRY_MS = 1_000;

export class Outbox {
  readonly #options: OutboxOptions;
  /** Devices with a publish under way, or with one that is acknowledged and not committed. */
  readonly #busy = new Set<string>();
  /** Devices that have to be heard first: they are not asked about at each turn, and hold up no others. */
  readonly #unheard = new Set<string>();
  readonly #underWay = new Set<Promise<void>>();
  readonly #uncommitted = new Map<Command, CommandFact>();
  #timer: Cancel | null = null;
  #failures = 0;
  #stopped = false;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  isBusy(device: string): boolean {
    return this.#busy.has(device);
  }

  /** To be called whenever something waits that did not before. Never throws. */
  pump(): void {
    if (this.#stopped || this.#mustWait) return;
    try {
      this.#commitAcknowledged();
      const seen = new Set<string>();
      let settled = 0;
      for (const command of this.#options.waiting()) {
        const { device } = command;
        if (this.#busy.size >= MAX_IN_FLIGHT || settled >= MAX_IN_FLIGHT || this.#mustWait) break;
        if (this.#busy.has(device) || this.#unheard.has(device) || seen.has(device)) continue;
        seen.add(device);
        if (this.#take(command)) settled += 1;
      }
      if (settled > 0) queueMicrotask(() => this.pump());
    } catch {
      // The disk refuses: the journal tells of it.
      this.#again(DISK_RETRY_MS);
    }
  }

  /** The device was heard. */
  heard(device: string): void {
    this.#unheard.delete(device);
  }

  /** As `pump`, with devices that have to be heard first: their commands may have grown too old, or go elsewhere now. */
  pumpAll(): void {
    this.#unheard.clear();
    this.pump();
  }

  /** Publishes nothing more, ever. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /**
   * Publishes nothing more. Null: nothing is under way, and what is acknowledged is committed; else resolves when the broker's
   * word on it is known: to be called again then. Throws when the disk refuses.
   */
  halt(): Promise<unknown> | null {
    this.#end();
    if (this.#underWay.size > 0) return Promise.all(this.#underWay);
    this.#commitAcknowledged();
    return null;
  }

  /**
   * Publishes nothing more; resolves when what is under way is acknowledged and committed, or `signal` aborts. What is left
   * comes again after the next start, under the same CorrelationID.
   */
  async stop(signal: AbortSignal): Promise<void> {
    this.#end();
    const aborted = Promise.withResolvers<void>();
    signal.addEventListener('abort', () => aborted.resolve(), { once: true });
    if (signal.aborted) aborted.resolve();
    await Promise.race([Promise.all(this.#underWay), aborted.promise]);
    try {
      this.#commitAcknowledged();
    } catch {
      // The disk refuses: as above.
    }
  }

  #end(): void {
    this.#stopped = true;
    this.#timer?.();
    this.#timer = null;
  }

  /** True: it is settled, so the device's next one may have its turn. */
  #take(command: Command): boolean {
    const prepared = this.#options.prepare(command);
    if (prepared.kind === 'later') {
      this.#unheard.add(command.device);
      return false;
    }
    if (prepared.kind === 'settle') {
      this.#options.settle(command, prepared.fact);
      return true;
    }
    this.#busy.add(command.device);
    const underWay = this.#publish(command, prepared).finally(() => this.#underWay.delete(underWay));
    this.#underWay.add(underWay);
    return false;
  }

  async #publish(command: Command, { topic, message, fact }: Prepared & { kind: 'publish' }): Promise<void> {
    try {
      await this.#options.publisher().publish(topic, message, { key: command.device });
      this.#failures = 0;
      this.#uncommitted.set(command, fact);
    } catch (error) {
      this.#busy.delete(command.device);
      this.#failed(command, error);
    }
    this.pump();
  }

  #failed(command: Command, error: unknown): void {
    if (this.#stopped) return;
    if (error instanceof BridgeError && error.code === 'topicInvalid') {
      this.#uncommitted.set(command, { kind: 'refused', cause: error.message });
      return;
    }
    const { retry, chance } = this.#options;
    if (this.#failures === 0) this.#options.onAway(describeError(error));
    const waitMs = Math.min(retry.maxMs, retry.minMs * 2 ** Math.min(this.#failures, 16));
    this.#failures += 1;
    this.#again(waitMs * (0.5 + chance.random() / 2));
  }

  #commitAcknowledged(): void {
    for (const [command, fact] of this.#uncommitted) {
      this.#options.settle(command, fact);
      this.#uncommitted.delete(command);
      this.#busy.delete(command.device);
    }
  }

  /** The broker or the disk has refused something a moment ago. */
  get #mustWait(): boolean {
    return this.#timer !== null;
  }

  #again(ms: number): void {
    if (this.#stopped) return;
    this.#timer ??= this.#options.clock.after(ms, () => {
      this.#timer = null;
      this.pump();
    });
  }
}
