// The grammar of `uplinkTimeValidity`: a sum of parts in days, hours, minutes and seconds, such as 5m, 72h or 3d12h60m.

const UNIT_MS: Readonly<Record<string, number>> = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000 };
const WHOLE = /^(?:\d{1,15}[dhms])+$/;
const PART = /(\d+)([dhms])/g;

const VALIDITY_GRAMMAR = 'a sum of d, h, m and s parts such as 5m, 72h or 3d12h60m';

export type Validity =
  | { readonly ok: true; readonly ms: number }
  /** `message` completes "uplinkTimeValidity …" and names what is allowed. */
  | { readonly ok: false; readonly message: string };

/** The duration in ms. There is no upper limit; nothing at all ("0m") is refused, since no uplink would ever pass. */
export function parseValidity(text: string): Validity {
  if (text.length > 64 || !WHOLE.test(text)) return { ok: false, message: `must be ${VALIDITY_GRAMMAR}` };
  let ms = 0;
  for (const [, digits, unit] of text.matchAll(PART)) ms += Number(digits) * (UNIT_MS[unit ?? ''] ?? 0);
  return ms > 0 ? { ok: true, ms } : { ok: false, message: `must be more than nothing: ${VALIDITY_GRAMMAR}` };
}

/** What is wrong with a duration and what is allowed, to follow its field's name; null: nothing. */
export function checkValidity(text: string): string | null {
  const parsed = parseValidity(text);
  return parsed.ok ? null : parsed.message;
}
