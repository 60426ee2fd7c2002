// The checks of the simulated line, by the names that verdicts have.

export const CHECKS = [
  /** What was accepted is at HERE, or where it belongs. */
  'delivery',
  'duplicates',
  'order',
  /** It balances, agrees with the disk, and with what the models counted. */
  'ledger',
  'permits',
  'retryAfter',
  'logIn',
  /** All is done at the end. */
  'drain',
  'healed',
  /** Nothing is left of what was deleted. */
  'deletion',
  'store',
  'stop',
  /** Work that never ends. */
  'circles',
  /** An error that nobody has handled. */
  'uncaught',
] as const;

export type Check = (typeof CHECKS)[number];
