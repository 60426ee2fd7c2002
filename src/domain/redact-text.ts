// Masks what is secret by its form, in any text.

export const MASK = '*****';

const URL_CREDENTIALS = /(:\/\/)[^/\s"'@]*:[^\s"']*@/g;
/** API tokens of this bridge, values that it has sealed, and JSON Web Tokens: their forms say what they are. */
const TOKENS =
  /\bhbt_[A-Za-z0-9_-]{12}_[A-Za-z0-9_-]{20,}|\benc:v1:[0-9a-f]{8}:[A-Za-z0-9_-]+|\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*/g;
const BEARER = /\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}/gi;

const MAX_TEXT = 2000;

export function redactText(text: string): string {
  const cut = text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}… (${text.length} characters)` : text;
  return cut.replace(URL_CREDENTIALS, `$1${MASK}@`).replace(BEARER, `$1 ${MASK}`).replace(TOKENS, MASK);
}
