// A key for one attempt to create something: what is sent twice under the same key makes one.

/** 128 random bits. `crypto.randomUUID` is for secure contexts alone: not for a page that comes over plain HTTP from elsewhere. */
export function attemptKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
