// What a message counts for where the embedded broker keeps it, and the copy that is kept.

/** Of objects, entries of maps and a row. */
const OVERHEAD = 500;

/** Bytes in memory and in the file, about. */
export function bytesOf(topic: string, payloadBytes: number): number {
  return OVERHEAD + topic.length + payloadBytes;
}

/** Memory of its own: a view on a socket's chunk, or a piece of Buffer's pool, would keep all of that alive. */
export function ownCopy(payload: Uint8Array): Buffer {
  const copy = Buffer.allocUnsafeSlow(payload.length);
  copy.set(payload);
  return copy;
}
