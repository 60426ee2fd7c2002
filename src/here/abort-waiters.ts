// Those who wait on a signal: one listener a signal, however many wait on it, since Node searches all listeners to remove one.

export class AbortWaiters {
  readonly #waiting = new WeakMap<AbortSignal, Set<(reason: unknown) => void>>();

  /** Calls back once when `signal` aborts, unless the returned function was called before. */
  on(signal: AbortSignal, callback: (reason: unknown) => void): () => void {
    const callbacks = this.#waiting.get(signal) ?? this.#listen(signal);
    callbacks.add(callback);
    return () => callbacks.delete(callback);
  }

  #listen(signal: AbortSignal): Set<(reason: unknown) => void> {
    const callbacks = new Set<(reason: unknown) => void>();
    this.#waiting.set(signal, callbacks);
    const tell = (): void => {
      this.#waiting.delete(signal);
      for (const callback of callbacks) callback(signal.reason);
    };
    signal.addEventListener('abort', tell, { once: true });
    return callbacks;
  }
}
