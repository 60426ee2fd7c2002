/** Whether it was done before the signal aborted. Rejects as `done` does. */
export async function within(done: Promise<void> | void, signal: AbortSignal | undefined): Promise<boolean> {
  const ended = Promise.withResolvers<boolean>();
  const end = (): void => ended.resolve(false);
  signal?.addEventListener('abort', end, { once: true });
  if (signal?.aborted) end();
  try {
    return await Promise.race([Promise.resolve(done).then(() => true), ended.promise]);
  } finally {
    signal?.removeEventListener('abort', end);
  }
}
