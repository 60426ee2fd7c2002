// What one seed holds: the installation, the uplinks of an hour and the faults that they meet. Pure: drawn before anything runs.
import { Dice } from './dice.ts';
import type { Crash } from './life.ts';
import { drawFaults, type PlannedFault } from './plan-faults.ts';
import type { UplinkKind } from './witness.ts';

export interface DevicePlan {
  readonly device: string;
  /** Sends at the beginning and after the last fault only. */
  readonly isProbe: boolean;
  readonly kind: 'telemetry' | 'noMatch' | 'unknownDevice';
}

export interface ConnectionPlan {
  readonly id: string;
  readonly account: number;
  /** null: the account's first. */
  readonly appId: string | null;
  readonly createDevices: boolean;
  readonly hasMatcher: boolean;
  /** As a definition says it; null: none. */
  readonly validity: { readonly text: string; readonly ms: number } | null;
  readonly strategy: 'CALM' | 'NORMAL' | 'AGGRESSIVE';
  readonly devices: readonly DevicePlan[];
}

export interface UplinkPlan {
  readonly atMs: number;
  readonly connection: number;
  readonly device: DevicePlan;
  readonly kind: UplinkKind;
  readonly paddingBytes: number;
}

export interface Plan {
  readonly seed: number;
  readonly accounts: readonly {
    readonly email: string;
    readonly password: string;
    readonly appIds: readonly string[];
  }[];
  readonly connections: readonly ConnectionPlan[];
  readonly limits: {
    readonly concurrency: number;
    readonly requestsPerSecond: number | null;
    readonly maxRecords: number;
    readonly timeoutMs: number;
    readonly rampMs: number;
  };
  readonly windowMaxBytes: number;
  readonly journalMaxBytes: number;
  readonly batchLingerMs: number;
  readonly brokerWindow: number;
  readonly tokenLifetimeS: number;
  readonly hints: 'right' | 'none' | 'wrong';
  readonly uplinks: readonly UplinkPlan[];
  readonly faults: readonly PlannedFault[];
  /** Somebody puts all dead letters of a connection on their way again. */
  readonly replays: readonly { readonly atMs: number; readonly connection: number }[];
  /** The process dies soon after it has put a rewritten journal file in place of an old one; null: not on purpose. */
  readonly renameCrash: RenameCrash | null;
  readonly losesPower: boolean;
}

export interface RenameCrash {
  /** The first one from then on. */
  readonly atMs: number;
  readonly ending: Crash;
  /** In the midst of the so-manieth step at a port after it. */
  readonly calls: number;
  readonly forMs: number;
}

const MINUTE = 60_000;
export const LEAST_MS = 60 * MINUTE;
export const LEAST_UPLINKS = 500;
/** Uplinks are sent between these; the last fault ends before. */
const TRAFFIC_FROM_MS = 3_000;
export const TRAFFIC_UNTIL_MS = 54 * MINUTE;

export function drawPlan(seed: number): Plan {
  const dice = new Dice(seed).fork('plan');
  const accounts = Array.from({ length: dice.whole(1, 2) }, (_, n) => ({
    email: `a${n}@example.com`,
    password: `right-${n}`,
    appIds: [`app-${n}-a`, `app-${n}-b`],
  }));
  const connections = Array.from(
    {
      length: dice.weighted([
        [3, 1],
        [5, 2],
        [2, 3],
      ] as const),
    },
    (_, n) => drawConnection(n, dice.fork(`connection ${n}`), accounts),
  );
  const requestsPerSecond = dice.pick([null, null, 5, 7.5, 10, 20]);
  // What a plan allows must be more than what comes, also when a batch has to be narrowed down.
  const maxRecords = dice.pick(requestsPerSecond === null ? [3, 10, 50, 500] : [25, 50, 500]);
  const faults = drawFaults(dice.fork('faults'), connections, accounts);
  const uplinks = drawUplinks(dice.fork('uplinks'), connections, faults);
  const renameCrash = drawRenameCrash(new Dice(seed).fork('rename crash'), faults);
  return {
    seed,
    accounts,
    connections,
    limits: {
      concurrency: dice.whole(1, 4),
      requestsPerSecond,
      maxRecords,
      timeoutMs: dice.pick([2_000, 5_000, 10_000]),
      rampMs: dice.pick([5_000, 60_000]),
    },
    windowMaxBytes: Math.round(dice.scaled(32_000, 4_000_000)),
    journalMaxBytes: dice.pick([1, 2, 1024]) * 1024 * 1024,
    batchLingerMs: dice.pick([0, 0, 0, 250]),
    brokerWindow: dice.pick([20, 1000]),
    tokenLifetimeS: dice.pick([600, 86_400]),
    hints: dice.pick(['right', 'none', 'wrong']),
    uplinks: redrawUnsent(new Dice(seed).fork('unsent'), uplinks, connections, faults),
    faults,
    replays: drawReplays(new Dice(seed).fork('replays'), connections, faults),
    renameCrash,
    losesPower:
      renameCrash?.ending === 'powerLoss' ||
      faults.some((fault) => fault.kind === 'crash' && fault.ending === 'powerLoss'),
  };
}

/** Chance alone would hardly ever hit the moment. */
function drawRenameCrash(dice: Dice, faults: readonly PlannedFault[]): RenameCrash | null {
  if (!dice.isLucky(0.5)) return null;
  return {
    atMs: dice.between(40_000, faults.at(-1)?.atMs ?? LEAST_MS / 2),
    ending: dice.isLucky(0.8) ? 'powerLoss' : 'kill',
    calls: Math.floor(dice.scaled(1, 12)) - 1,
    forMs: dice.scaled(200, 30_000),
  };
}

/** Half of them while something else goes wrong. */
function drawReplays(
  dice: Dice,
  connections: readonly ConnectionPlan[],
  faults: readonly PlannedFault[],
): Plan['replays'] {
  return Array.from({ length: dice.whole(0, 4) }, () => ({
    atMs: dice.isLucky(0.5) ? dice.pick(faults).atMs - dice.scaled(1, 2_000) : dice.between(60_000, TRAFFIC_UNTIL_MS),
    connection: dice.whole(0, connections.length - 1),
  }));
}

function drawConnection(n: number, dice: Dice, accounts: Plan['accounts']): ConnectionPlan {
  const account = dice.whole(0, accounts.length - 1);
  const createDevices = dice.isLucky(0.8);
  const hasMatcher = dice.isLucky(0.3);
  const hours = dice.pick([1, 2, 6]);
  const kinds: DevicePlan['kind'][] = Array.from({ length: dice.whole(3, 25) }, () => 'telemetry');
  if (hasMatcher) kinds.push('noMatch');
  if (!createDevices) kinds.push('unknownDevice');
  const name = (i: number): string => `70B3D5${n.toString(16).toUpperCase()}${String(i).padStart(9, '0')}`;
  const devices: DevicePlan[] = kinds.map((kind, i) => ({ device: name(i), isProbe: false, kind }));
  for (let i = 0; i < 2; i++) devices.push({ device: name(900 + i), isProbe: true, kind: 'telemetry' });
  return {
    id: `c${n}`,
    account,
    appId: dice.isLucky(0.5) ? null : dice.pick(accounts[account]?.appIds ?? []),
    createDevices,
    hasMatcher,
    validity: dice.isLucky(0.25) ? { text: `${hours}h`, ms: hours * 60 * MINUTE } : null,
    strategy: dice.pick(['CALM', 'NORMAL', 'AGGRESSIVE']),
    devices,
  };
}

function drawUplinks(
  dice: Dice,
  connections: readonly ConnectionPlan[],
  faults: readonly PlannedFault[],
): UplinkPlan[] {
  const uplinks: UplinkPlan[] = [];
  const isFat = dice.isLucky(0.15);
  const send = (atMs: number, connection: number, device: DevicePlan): void => {
    const paddingBytes = isFat ? dice.whole(4_000, 16_000) : 0;
    uplinks.push({ atMs, connection, device, kind: drawKind(dice, device), paddingBytes });
  };
  for (const [n, { devices }] of connections.entries()) {
    for (const device of devices) if (device.isProbe) send(dice.between(TRAFFIC_FROM_MS, 20_000), n, device);
  }
  const senders = connections.map(sendersOf);
  const count = LEAST_UPLINKS + dice.whole(10, 150);
  while (uplinks.length < count) {
    const connection = dice.whole(0, connections.length - 1);
    const devices = senders[connection] as readonly DevicePlan[];
    const atMs = dice.between(TRAFFIC_FROM_MS, TRAFFIC_UNTIL_MS);
    if (dice.isLucky(0.9)) send(atMs, connection, dice.pick(devices));
    else {
      // A burst: a gateway comes back and hands over what it kept.
      const size = dice.whole(10, 80);
      const aroundMs = dice.isLucky(0.5) ? dice.pick(faults).atMs - 1_000 : atMs;
      for (let i = 0; i < size; i++) send(aroundMs + dice.between(0, 2_500), connection, dice.pick(devices));
    }
  }
  return uplinks.sort((a, b) => a.atMs - b.atMs);
}

function sendersOf({ devices }: ConnectionPlan): readonly DevicePlan[] {
  return devices.filter(({ isProbe }) => !isProbe);
}

/**
 * Devices of a deleted connection send nothing more. Where too few uplinks would be left, other connections' devices send those
 * instead; where no connection is left by then, at a time at which there still was one.
 */
function redrawUnsent(
  dice: Dice,
  uplinks: readonly UplinkPlan[],
  connections: readonly ConnectionPlan[],
  faults: readonly PlannedFault[],
): readonly UplinkPlan[] {
  const untilMs = connections.map((_, n) => deletedAtMs(faults, n));
  const isSent = ({ connection, atMs }: UplinkPlan): boolean => atMs < (untilMs[connection] ?? 0);
  if (uplinks.filter(isSent).length >= LEAST_UPLINKS) return uplinks;
  const lastMs = Math.min(TRAFFIC_UNTIL_MS, Math.max(...untilMs));
  const redrawn = uplinks.map((uplink): UplinkPlan => {
    if (isSent(uplink)) return uplink;
    const atMs = uplink.atMs < lastMs ? uplink.atMs : dice.between(TRAFFIC_FROM_MS, lastMs);
    const connection = dice.pick([...connections.keys()].filter((n) => atMs < (untilMs[n] ?? 0)));
    const device = dice.pick(sendersOf(connections[connection] as ConnectionPlan));
    return { ...uplink, atMs, connection, device, kind: drawKind(dice, device) };
  });
  return redrawn.sort((a, b) => a.atMs - b.atMs);
}

/** When a connection is deleted: from then on nothing is sent to it. */
export function deletedAtMs(faults: readonly PlannedFault[], connection: number): number {
  const deletion = faults.find(
    (fault) => fault.kind === 'definition' && fault.change === 'deleted' && fault.connection === connection,
  );
  return deletion?.atMs ?? Number.POSITIVE_INFINITY;
}

function drawKind(dice: Dice, { kind, isProbe }: DevicePlan): UplinkKind {
  if (kind !== 'telemetry' || isProbe) return kind;
  return dice.weighted([
    [92, 'telemetry'],
    [2, 'poison'],
    [2, 'join'],
    [2, 'mac'],
    [2, 'notJson'],
  ] as const);
}
