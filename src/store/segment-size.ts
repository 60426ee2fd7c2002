// How large the files of a journal are.
const MAX_BYTES = 16 * 1024 * 1024;
/** Small enough that a journal of 1 MiB is not full of settled records. */
const MIN_BYTES = 128 * 1024;
/** At most about this part of a journal's budget is a file that is written to: it can be neither removed nor compacted. */
const SHARE = 1 / 8;

/** An open segment of this size whose records are all settled is given up for a new one. */
export const IDLE_SEGMENT_BYTES = 1024 * 1024;

/** From so many bytes on the next append begins a new file. */
export function segmentBytes(maxBytes: number): number {
  return Math.min(MAX_BYTES, Math.max(MIN_BYTES, Math.floor(maxBytes * SHARE)));
}

/**
 * A file of so many bytes is closed without a next append. It can be one append alone, which is larger than a file should be,
 * or more than the journal's share of all journals' room has become; a full journal gets no append that would begin a new file.
 */
export function largeSegmentBytes(maxBytes: number): number {
  return maxBytes * SHARE;
}
