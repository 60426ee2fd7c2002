// A stream of lines that the bridge goes on writing: read as they come, told as lost when it breaks off, and followed again.

export interface LineEar {
  onLive(): void;
  onLine(line: string): void;
  /** `reason`: the refusal in words; null: it broke off, or there was no answer. */
  onLost(reason: string | null): void;
}

const AGAIN_MS = 2_000;

/** Until the signal ends it. */
export async function followLines(path: string, signal: AbortSignal, ear: LineEar): Promise<void> {
  while (!signal.aborted) {
    let reason: string | null = null;
    try {
      reason = await readLines(path, signal, ear);
    } catch {
      // No answer, or one that broke off: told as lost, and tried again.
    }
    if (signal.aborted) return;
    ear.onLost(reason);
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
}

/** Until the stream ends; the refusal in words, where there is one. */
async function readLines(path: string, signal: AbortSignal, ear: LineEar): Promise<string | null> {
  const response = await fetch(path, { signal, cache: 'no-store', credentials: 'same-origin' });
  if (!response.ok || response.body === null) {
    const problem = (await response.json().catch(() => ({}))) as { detail?: unknown };
    return typeof problem.detail === 'string' ? problem.detail : String(response.status);
  }
  ear.onLive();
  const decoder = new TextDecoder();
  const reader = response.body.getReader();
  let rest = '';
  for (let step = await reader.read(); !step.done; step = await reader.read()) {
    const lines = (rest + decoder.decode(step.value, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) ear.onLine(line);
  }
  return null;
}
