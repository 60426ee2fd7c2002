// What must hold when all is over: everything accounted for, once; the store's own books agree with the independent ones.
import { imbalance, type Ledger } from '../../src/domain/ledger.ts';
import type { ExpiredUplink } from '../../src/domain/ports/dead-letters.ts';
import type { BridgeStore, DeadLetter } from '../../src/domain/ports/store.ts';
import { assembleStore } from '../../src/store/store.ts';
import { DATA_DIR } from './bridge-process.ts';
import { Life } from './life.ts';
import type { ConnectionPlan } from './plan.ts';
import { processClock } from './time.ts';
import { nameOf, type Uplink, type UplinkKind } from './witness.ts';
import type { World } from './world.ts';

const HEALED_WITHIN_MS = 30_000;
/** Of a connection whose journal was full: what is in it goes first, and the broker hands over in its own order. */
const HEALED_BEHIND_FULL_JOURNAL_MS = 60_000;
/** All that the store lists. */
const EXPIRED_LISTED = 1_000;
/** Columns of the ledger that kinds of uplinks may end in, the usual one first. */
const COLUMNS: Readonly<Record<UplinkKind, readonly string[]>> = {
  telemetry: ['delivered', 'expired.tooOld'],
  poison: ['deadLettered.refused', 'expired.tooOld'],
  join: ['skipped.join'],
  mac: ['skipped.mac'],
  notJson: ['deadLettered.notJson'],
  noMatch: ['filtered.noMatch'],
  unknownDevice: ['skipped.unknownDevice', 'expired.tooOld'],
};

/** From the last trouble to the arrival of the last probe: behind journals that were not full, and behind those that were. */
export interface Healed {
  readonly healedMs: number;
  readonly healedFullMs: number;
  /** Probes that were judged, and those that were not: their device was unknown to HERE when it sent. */
  readonly probes: number;
  readonly unknownProbes: number;
}

export const NOT_HEALED: Healed = { healedMs: 0, healedFullMs: 0, probes: 0, unknownProbes: 0 };

/** Uplinks of devices without a backlog arrive within 30 s after the last trouble. */
export function checkHealed(world: World): Healed {
  const { uplinks } = world.witness;
  let healedMs = 0;
  let healedFullMs = 0;
  let probes = 0;
  for (const uplink of uplinks) {
    if (!uplink.isProbe) continue;
    const { connection: id } = uplink;
    if (world.isDeleted(id)) continue;
    // By a clock that was set on by hours it was too old when it came.
    if (uplink.firstArrivalMs === null && world.mayHaveExpired(uplink)) continue;
    const sinceMs = Math.max(uplink.publishedMs ?? 0, world.troubleUntilMs);
    const tookMs = (uplink.firstArrivalMs ?? world.time.nowMs) - sinceMs;
    probes += 1;
    const isBehind = world.fullJournals.wasFull(id, sinceMs, sinceMs + tookMs);
    if (isBehind) healedFullMs = Math.max(healedFullMs, tookMs);
    else healedMs = Math.max(healedMs, tookMs);
    if (tookMs > (isBehind ? HEALED_BEHIND_FULL_JOURNAL_MS : HEALED_WITHIN_MS)) {
      world.violated('healed', `${nameOf(uplink)} took ${Math.round(tookMs / 1000)} s after the last fault`, [
        uplink.device,
        `${id} `,
      ]);
    }
  }
  return { healedMs, healedFullMs, probes, unknownProbes: world.unknownProbes };
}

/** Stops the bridge and looks at what it has left on disk. */
export async function checkEnd(world: World, untilQuiet: () => Promise<void>): Promise<void> {
  world.stopBridge(() => {});
  await untilQuiet();
  if (world.violations.length > 0) return;
  const life = new Life(0, () => {});
  // What is given to the event loop from here on, such as the rest of a deletion, is this look's.
  world.life = life;
  const clock = processClock(world.time, life, world.wall, world.disk.dice);
  const books: Promise<void> = open(world, life, clock).then((store) => checkBooks(world, store));
  let isDone = false;
  books.then(
    () => {
      isDone = true;
    },
    (error: unknown) => world.violated('store', `the store cannot be looked at: ${String(error)}`),
  );
  await untilQuiet();
  if (!isDone && world.violations.length === 0) world.violated('store', 'the store cannot be looked at');
}

function open(world: World, life: Life, clock: ReturnType<typeof processClock>): Promise<BridgeStore> {
  const box = {
    encrypt: (plain: string) => plain,
    decrypt: (value: string) => value,
    isEncrypted: () => false,
    hmac: (value: string) => value,
  };
  const report = ({ kind, message }: { readonly kind: string; readonly message: string }): void => {
    world.violated('store', `${kind}: ${message}`);
  };
  const disk = world.disk.portOf(life);
  return assembleStore(
    { dataDir: DATA_DIR, clock, box, report, disk },
    world.database.partsOf(life, world.disk, world.time),
  );
}

async function checkBooks(world: World, store: BridgeStore): Promise<void> {
  for (const plan of world.plan.connections) {
    if (world.isDeleted(plan.id)) {
      checkGone(world, plan.id, store);
      continue;
    }
    const connection = await store.openConnection(plan.id, { maxBytes: world.plan.journalMaxBytes });
    const uplinks = world.witness.uplinks.filter(({ connection: id }) => id === plan.id);
    checkLedger(world, plan, connection.ledger(), uplinks);
    const off = connection.verify();
    if (off !== 0) world.violated('ledger', `${plan.id}: what is stored is off by ${off}`);
    checkExpired(world, plan, store.expired(plan.id, EXPIRED_LISTED));
    checkDeadLetters(world, connection.deadLetters(100_000), uplinks);
    checkEachUplink(world, uplinks);
  }
}

/** Of a deleted connection nothing is left behind: no file, no row, no session. */
function checkGone(world: World, id: string, store: BridgeStore): void {
  const left = world.disk.files.filter((file) => file.includes(`/${id}/`));
  if (left.length > 0) world.violated('deletion', `${id} is deleted, and ${left[0]} is still there`);
  if (store.connectionIds().includes(id)) world.violated('deletion', `${id} is deleted, and its store is still there`);
  const session = [...world.broker.sessions.keys()].find((clientId) => clientId.startsWith(`sim-${id}-`));
  if (session !== undefined) world.violated('deletion', `${id} is deleted, and its session ${session} is still there`);
}

/** The bridge's columns against what devices, broker and HERE saw. */
function checkLedger(world: World, plan: ConnectionPlan, ledger: Ledger, uplinks: readonly Uplink[]): void {
  const off = (what: string): void => world.violated('ledger', `${plan.id}: ${what}: ${JSON.stringify(ledger)}`);
  if (imbalance(ledger) !== 0) off(`off by ${imbalance(ledger)}`);
  if (ledger.pending !== 0) off(`${ledger.pending} still pending`);
  const least = sum(uplinks, ({ kept }) => kept);
  const most = least + sum(uplinks, ({ unclear }) => unclear);
  if (ledger.received < least || ledger.received > most) off(`received must be within ${least}..${most}`);
  const columns = columnsOf(ledger);
  for (const [column, count] of columns) {
    if (!Object.values(COLUMNS).some((names) => names.includes(column)) && count > 0)
      off(`nothing belongs into ${column}`);
  }
  for (const [kind, names] of Object.entries(COLUMNS) as [UplinkKind, readonly string[]][]) {
    const own = uplinks.filter((uplink) => uplink.kind === kind);
    const usual = columns.get(names[0] ?? '') ?? 0;
    const expired = names.length > 1 ? (columns.get(names[1] ?? '') ?? 0) : 0;
    const all = sum(own, ({ kept }) => kept);
    const young = sum(own, (uplink) => (world.mayHaveExpired(uplink) ? 0 : uplink.kept));
    const low = Math.max(young, all - expired);
    // What HERE never took cannot have been delivered.
    const possible = names[0] === 'delivered' ? own.filter(({ arrivals }) => arrivals > 0) : own;
    const high = sum(possible, ({ kept, unclear }) => kept + unclear);
    if (usual > high || usual < low) off(`${names[0]} must be within ${low}..${high}`);
  }
  // Of what HERE has, one copy at least did not expire: unless it was taken without the bridge's writing it down.
  const old = sum(uplinks, (uplink) => {
    const { kept, unclear, arrivals, excuses } = uplink;
    return world.mayHaveExpired(uplink) ? kept + unclear - Math.min(1, Math.max(0, arrivals - excuses)) : 0;
  });
  if ((columns.get('expired.tooOld') ?? 0) > old) off(`expired.tooOld must be ${old} at most`);
}

/** What the bridge lists as expired was older than the validity by its clock at that time, or had been since it came. */
function checkExpired(world: World, { id, validity }: ConnectionPlan, listed: readonly ExpiredUplink[]): void {
  for (const { time, device, reason, ageMs } of listed) {
    // Emitted after it by a clock that was set back: of which one it is, the list does not tell. The count is judged all the same.
    if (ageMs === 0) continue;
    const uplink = world.witness.ofRecord(device ?? '', time - ageMs);
    const shownMs = world.wall.lastShown(time);
    if (uplink?.connection !== id || shownMs === null || reason !== 'tooOld') {
      world.violated('delivery', `${id} lists ${device}@${time - ageMs} as expired (${reason}), which nobody sent`);
    } else if (!world.mayHaveExpired(uplink, shownMs)) {
      const age = `${Math.round(ageMs / 1000)} s old, valid for ${validity?.text ?? 'ever'}`;
      world.violated('delivery', `${nameOf(uplink)} expired young: ${age}`, [uplink.device]);
    }
  }
}

function columnsOf(ledger: Ledger): Map<string, number> {
  const columns = new Map([['delivered', ledger.delivered]]);
  for (const kind of ['expired', 'filtered', 'skipped', 'deadLettered'] as const) {
    for (const [reason, count] of Object.entries(ledger[kind])) columns.set(`${kind}.${reason}`, count ?? 0);
  }
  return columns;
}

/** Every accepted uplink was delivered, or is of a kind (or an age) that must be elsewhere. */
function checkEachUplink(world: World, uplinks: readonly Uplink[]): void {
  for (const uplink of uplinks) {
    if (uplink.publishedMs === null)
      world.violated('delivery', `the broker never had ${nameOf(uplink)}`, [uplink.device]);
    else if (uplink.handed === 0)
      world.violated('delivery', `${nameOf(uplink)} never came to the bridge`, [uplink.device]);
    else if (uplink.kind === 'telemetry' && uplink.arrivals === 0 && !world.mayHaveExpired(uplink)) {
      world.violated('delivery', `${nameOf(uplink)} is lost`, [uplink.device]);
    }
  }
}

function checkDeadLetters(world: World, letters: readonly DeadLetter[], uplinks: readonly Uplink[]): void {
  const refused = new Map<string, number>();
  for (const letter of letters) {
    if (letter.reason !== 'refused') continue;
    const { DevEUI_uplink: body } = JSON.parse(letter.payload.toString()) as { DevEUI_uplink: Record<string, string> };
    const key = `${body.DevEUI} ${Date.parse(body.Time ?? '')}`;
    refused.set(key, (refused.get(key) ?? 0) + 1);
  }
  for (const uplink of uplinks) {
    const count = refused.get(`${uplink.device} ${uplink.emittedAt}`) ?? 0;
    if (uplink.kind !== 'poison') {
      if (count > 0)
        world.violated('delivery', `${nameOf(uplink)} is a dead letter, a ${uplink.kind}`, [uplink.device]);
    } else if (count > uplink.kept + uplink.unclear) {
      world.violated('delivery', `${nameOf(uplink)} is ${count} dead letters, and was kept ${uplink.kept} times`, [
        uplink.device,
      ]);
    } else if (count < uplink.kept && !world.mayHaveExpired(uplink)) {
      world.violated('delivery', `${nameOf(uplink)}, refused by HERE, is no dead letter`, [uplink.device]);
    }
  }
}

function sum(uplinks: readonly Uplink[], count: (uplink: Uplink) => number): number {
  return uplinks.reduce((total, uplink) => total + count(uplink), 0);
}
