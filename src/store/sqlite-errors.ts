// What an error of SQLite means for the store.
const SQLITE_IOERR = 10;
const SQLITE_CORRUPT = 11;
export const SQLITE_FULL = 13;
export const SQLITE_CONSTRAINT = 19;
const SQLITE_NOTADB = 26;

/** The primary code; 0: no error of SQLite. */
export function resultCode(error: unknown): number {
  const code = (error as { errcode?: unknown } | null)?.errcode;
  return typeof code === 'number' ? code & 0xff : 0;
}

export function isDamage(error: unknown): boolean {
  const code = resultCode(error);
  return code === SQLITE_CORRUPT || code === SQLITE_NOTADB;
}

/** Also `SQLITE_IOERR`: so a full disk shows where SQLite's shared memory has to grow. */
export function wantsRoom(error: unknown): boolean {
  const code = resultCode(error);
  return code === SQLITE_FULL || code === SQLITE_IOERR;
}

/** As SQLite's own, so that it is treated as that is. */
export function damage(message: string): Error {
  return Object.assign(new Error(message), { errcode: SQLITE_CORRUPT });
}
