// A worker's sign of life, retained on `{prefix}/workers/{workerId}`; the broker publishes its last will when it is gone.
import type { WillOptions } from '../domain/ports/broker.ts';
import type { HeartbeatSeal } from './heartbeat-seal.ts';

export interface WorkerIdentity {
  /** Stable for a data directory: it becomes a topic level. */
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly dataDir: string;
  readonly versions: Readonly<Record<string, string>>;
}

/** What a worker among several says besides. */
export interface GroupMembership {
  /** The group that deals out the partitions: workers of one group live on one prefix together. */
  readonly group: string;
  /** Where other workers reach it; null: nowhere. */
  readonly address: string | null;
  /** Of the ownership topic: those that it serves, in ascending order. */
  readonly partitions: readonly number[];
  readonly confirmed: boolean;
  /** False: it only answers (the role api alone), and owns nothing. */
  readonly serves: boolean;
  /** Of the secret box: workers with different keys cannot read each other's accounts. */
  readonly keyId: string;
}

export interface Heartbeat extends WorkerIdentity {
  readonly alive: boolean;
  /** Absent: a worker that is alone. */
  readonly membership?: GroupMembership;
  /** Grows with each heartbeat of a process: readers tell a renewed record from an old copy by it. */
  readonly beat: number;
  /** The worker's promise for the next one. */
  readonly intervalMs: number;
  /** Wall-clock ms: a heartbeat that was signed long ago must not be news again. A last will has the time of its making. */
  readonly saidAt: number;
}

export const HEARTBEAT_INTERVAL_MS = 5_000;

export function workersPrefix(prefix: string): string {
  return `${prefix}/workers`;
}

export function heartbeatOf(
  identity: WorkerIdentity,
  alive: boolean,
  beat: number,
  intervalMs: number,
  saidAt: number,
  membership: GroupMembership | null = null,
): Heartbeat {
  const { id, host, pid, startedAt, dataDir, versions } = identity;
  const whole = { id, alive, host, pid, startedAt, dataDir, versions, beat, intervalMs, saidAt };
  return membership === null ? whole : { ...whole, membership };
}

/** The last will for `Broker.openPublisher`. */
export function lastWill(
  seal: HeartbeatSeal,
  identity: WorkerIdentity,
  nowMs: number,
  intervalMs = HEARTBEAT_INTERVAL_MS,
): WillOptions {
  return {
    topic: seal.topicOf(identity.id),
    payload: seal.write(heartbeatOf(identity, false, -1, intervalMs, nowMs)),
    retain: true,
  };
}

/** Null for anything that is no heartbeat. Others may write to the topic: who believes it asks `HeartbeatSeal.read`. */
export function parseHeartbeat(id: string, payload: Buffer): Heartbeat | null {
  if (payload.length > 16_384) return null;
  try {
    const value: unknown = JSON.parse(payload.toString('utf8'));
    if (typeof value !== 'object' || value === null) return null;
    const said = value as Partial<Heartbeat>;
    if (typeof said.alive !== 'boolean') return null;
    return {
      id,
      alive: said.alive,
      host: textOf(said.host),
      pid: numberOf(said.pid, 0),
      startedAt: textOf(said.startedAt),
      dataDir: textOf(said.dataDir),
      versions: {},
      ...membershipOf(said.membership),
      beat: numberOf(said.beat, -1),
      intervalMs: Math.min(60_000, Math.max(100, numberOf(said.intervalMs, HEARTBEAT_INTERVAL_MS))),
      saidAt: numberOf(said.saidAt, 0),
    };
  } catch {
    return null;
  }
}

function membershipOf(said: unknown): { readonly membership?: GroupMembership } {
  if (typeof said !== 'object' || said === null) return {};
  const { group, address, partitions, confirmed, serves, keyId } = said as Partial<GroupMembership>;
  if (typeof group !== 'string' || !Array.isArray(partitions)) return {};
  const membership = {
    group: textOf(group),
    address: typeof address === 'string' && /^https?:\/\//.test(address) ? textOf(address) : null,
    partitions: partitions.filter((each) => Number.isSafeInteger(each) && each >= 0),
    confirmed: confirmed === true,
    serves: serves !== false,
    keyId: textOf(keyId),
  };
  return { membership };
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value.slice(0, 200) : '';
}

function numberOf(value: unknown, otherwise: number): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : otherwise;
}
