// A payload that was too large to be kept whole: its beginning, and behind it in plain words how long it was. There it stays in
// the journal, in the dead letter, in an export and after an import, and no replay can take what is left for the whole message.

const LONGEST_MARK = 80;
const MARK = /\n\[here-bridge: cut off here, the message had (\d{1,10}) bytes\]$/;

/** A copy: what `beginning` is a view of need not be kept. As JSON it cannot be read, whatever it begins with. */
export function cutPayload(beginning: Buffer, bytes: number): Buffer {
  return Buffer.concat([beginning, Buffer.from(`\n[here-bridge: cut off here, the message had ${bytes} bytes]`)]);
}

/** How long it was, and how much of it is there; null: it is whole. */
export function readCut(payload: Buffer): { readonly bytes: number; readonly kept: number } | null {
  const found = MARK.exec(payload.toString('latin1', Math.max(0, payload.length - LONGEST_MARK)));
  return found === null ? null : { bytes: Number(found[1]), kept: payload.length - found[0].length };
}
