// Commands: desired changes that wait for a device, what becomes of them, and their ledger. The unit is one command.

/** Where it came from: HERE's desired shadow, or a message that a program posted to the connection. */
export const COMMAND_ORIGINS = ['shadow', 'message'] as const;
export type CommandOrigin = (typeof COMMAND_ORIGINS)[number];

/**
 * `waiting`: to be published, or published again. `published`: the broker has acknowledged it. `sent`: the network sent it
 * over the air. `notSent`: the network could not; it is published again after the device's next uplink. `reported`: HERE's
 * reported state version has reached it. The others are final.
 */
export const COMMAND_STATES = [
  'waiting',
  'published',
  'sent',
  'notSent',
  'rejected',
  'unreported',
  'reported',
  'superseded',
  'refused',
  'expired',
  'cancelled',
] as const;
export type CommandState = (typeof COMMAND_STATES)[number];

/**
 * Why a changed shadow is no command: another setting changed, the payload was taken away, it changed before this connection
 * had commands, the device had seen it already, or it was older than a command may be when it was first seen.
 */
export const IGNORE_REASONS = ['settings', 'empty', 'before', 'alreadyReported'] as const;
export type IgnoreReason = (typeof IGNORE_REASONS)[number];

/** Published at most so often: once, and three times more when the network could not send it. */
export const MAX_ATTEMPTS = 4;

export interface Command {
  /** Within the data directory; never given again. */
  readonly id: number;
  /** 16 upper-case hex digits. */
  readonly device: string;
  readonly origin: CommandOrigin;
  /** `desired.system.stateVersion`; null: it does not come from a shadow. */
  readonly version: number | null;
  /** How often HERE has begun to count the device's versions anew. */
  readonly era: number;
  /** JSON text: `desired` of the shadow (its payload and settings), or the content of `DevEUI_downlink`. */
  readonly document: string;
  /** HERE's wall clock, ms: when it was desired. */
  readonly desiredAt: number;
  /** Wall clock, ms. */
  readonly seenAt: number;
  readonly state: CommandState;
  /** In plain words, for `refused`, `rejected` and `notSent`. */
  readonly cause: string | null;
  /** The number of the last publication, from 1; 0: none yet. */
  readonly attempt: number;
  /** Of the last publication. 16 upper-case hex digits, unless the message brought its own. */
  readonly correlationId: string | null;
  readonly port: number | null;
  /** The device is to acknowledge it. */
  readonly confirmed: boolean;
  /** Wall clock, ms, of the first publication; null: none yet. */
  readonly publishedAt: number | null;
  /** Wall clock, ms, of the last change of its state. */
  readonly changedAt: number;
}

export type NewCommand = Omit<Command, 'id'>;

/** What happened to a command. */
export type CommandFact =
  | {
      readonly kind: 'published';
      readonly attempt: number;
      readonly correlationId: string;
      readonly port: number | null;
      readonly confirmed: boolean;
    }
  | { readonly kind: 'refused'; readonly cause: string }
  | { readonly kind: 'superseded' }
  | { readonly kind: 'expired' }
  | { readonly kind: 'cancelled' }
  | { readonly kind: 'sent' }
  | { readonly kind: 'notSent'; readonly cause: string }
  | { readonly kind: 'rejected'; readonly cause: string }
  /** The device was heard after `notSent`. */
  | { readonly kind: 'again' }
  /** No report came in the time that a command has. */
  | { readonly kind: 'unreported' }
  | { readonly kind: 'reported' };

const LEADS_TO: Readonly<Record<CommandFact['kind'], readonly CommandState[]>> = {
  published: ['waiting'],
  refused: ['waiting'],
  superseded: ['waiting', 'notSent'],
  expired: ['waiting', 'notSent'],
  cancelled: ['waiting', 'notSent'],
  sent: ['published', 'notSent', 'waiting'],
  notSent: ['published'],
  rejected: ['published'],
  again: ['notSent'],
  unreported: ['published'],
  reported: ['published', 'sent', 'unreported'],
};

/** The command after a fact; null: the fact changes nothing (it came twice, or too late). `now`: wall clock, ms. */
export function afterFact(command: Command, fact: CommandFact, now: number): Command | null {
  if (!LEADS_TO[fact.kind].includes(command.state)) return null;
  // Before its first publication the network cannot have sent it.
  if (fact.kind === 'sent' && command.publishedAt === null) return null;
  // A word of the broker that was slower than the network's, on a publication that is over.
  if (fact.kind === 'published' && fact.attempt <= command.attempt) return null;
  const changed = { ...command, changedAt: now };
  switch (fact.kind) {
    case 'published': {
      const { attempt, correlationId, port, confirmed } = fact;
      const publishedAt = command.publishedAt ?? now;
      return { ...changed, state: 'published', cause: null, attempt, correlationId, port, confirmed, publishedAt };
    }
    case 'refused':
    case 'notSent':
    case 'rejected':
      return { ...changed, state: fact.kind, cause: fact.cause };
    case 'again':
      return command.attempt >= MAX_ATTEMPTS ? null : { ...changed, state: 'waiting' };
    default:
      return { ...changed, state: fact.kind };
  }
}

/** True while something may still become of it. */
export function isOpen({ state, attempt, version }: Pick<Command, 'state' | 'attempt' | 'version'>): boolean {
  switch (state) {
    case 'waiting':
    case 'published':
      return true;
    case 'notSent':
      return attempt < MAX_ATTEMPTS;
    case 'sent':
      // HERE hears of it by its version.
      return version !== null;
    default:
      return false;
  }
}

/** What became of published commands; each counts once. */
const COMMAND_FATES = ['sent', 'rejected', 'unreported', 'confirmed'] as const;
export type CommandFate = (typeof COMMAND_FATES)[number];

const COLUMNS = ['waiting', 'published', 'superseded', 'refused', 'expired', 'cancelled'] as const;
export type CommandColumn = (typeof COLUMNS)[number];

export interface CommandLedger extends Record<CommandColumn, number> {
  /** Changes of devices that this connection serves, and messages that it was given. */
  seen: number;
  ignored: Partial<Record<IgnoreReason, number>>;
  /** Of the published ones. */
  fates: Record<CommandFate, number>;
}

export function emptyCommandLedger(): CommandLedger {
  const columns = { waiting: 0, published: 0, superseded: 0, refused: 0, expired: 0, cancelled: 0 };
  return { seen: 0, ...columns, ignored: {}, fates: { sent: 0, rejected: 0, unreported: 0, confirmed: 0 } };
}

/** What was published once stays published, whatever becomes of it. */
export function columnOf({ state, publishedAt }: Pick<Command, 'state' | 'publishedAt'>): CommandColumn {
  if (publishedAt !== null) return 'published';
  switch (state) {
    case 'waiting':
    case 'superseded':
    case 'refused':
    case 'expired':
    case 'cancelled':
      return state;
    default:
      throw new RangeError(`a command that was never published cannot be ${state}`);
  }
}

export function copyCommandLedger(ledger: CommandLedger): CommandLedger {
  return { ...ledger, ignored: { ...ledger.ignored }, fates: { ...ledger.fates } };
}

export function bookNew(ledger: CommandLedger, command: Pick<Command, 'state' | 'publishedAt'>): void {
  ledger.seen += 1;
  ledger[columnOf(command)] += 1;
}

export function bookIgnored(ledger: CommandLedger, reason: IgnoreReason, count = 1): void {
  ledger.seen += count;
  ledger.ignored[reason] = (ledger.ignored[reason] ?? 0) + count;
}

export function bookChange(ledger: CommandLedger, before: Command, after: Command): void {
  ledger[columnOf(before)] -= 1;
  ledger[columnOf(after)] += 1;
  const fate = fateOf(after);
  if (fate !== null && fate !== fateOf(before)) ledger.fates[fate] += 1;
}

function fateOf({ state }: Command): CommandFate | null {
  if (state === 'reported') return 'confirmed';
  return state === 'sent' || state === 'rejected' || state === 'unreported' ? state : null;
}

/** `seen` less all columns: 0 when the ledger balances. */
export function commandImbalance(ledger: CommandLedger): number {
  let rest = ledger.seen;
  for (const column of COLUMNS) rest -= ledger[column];
  for (const count of Object.values(ledger.ignored)) rest -= count ?? 0;
  return rest;
}

export function addCommandLedgers(ledgers: Iterable<CommandLedger>): CommandLedger {
  const sum = emptyCommandLedger();
  for (const ledger of ledgers) {
    sum.seen += ledger.seen;
    for (const column of COLUMNS) sum[column] += ledger[column];
    for (const reason of IGNORE_REASONS) {
      const count = ledger.ignored[reason] ?? 0;
      if (count > 0) sum.ignored[reason] = (sum.ignored[reason] ?? 0) + count;
    }
    for (const fate of COMMAND_FATES) sum.fates[fate] += ledger.fates[fate];
  }
  return sum;
}
