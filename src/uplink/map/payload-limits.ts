// What HERE's `payload` may take, for both ways of fitting one.

/** HERE: "The maximum size is 1000B". */
export const MAX_PAYLOAD_BYTES = 1000;
/** Deeper nesting makes the message a dead letter; it also bounds the recursion over it. */
export const MAX_NESTING = 100;
/** The sums count a comma for every field; the first one of the content has none. */
export const ROOM = MAX_PAYLOAD_BYTES + 1;
export const CUT = '"_cut":true';
