// Makes sure that no other worker lives on this broker and prefix (exit code 75 names it): before anything is started, and after.
import { BridgeError, EXIT } from '../domain/errors.ts';
import type { EventSink } from '../domain/events.ts';
import type { Broker } from '../domain/ports/broker.ts';
import type { Cancel, Clock } from '../domain/ports/clock.ts';
import { type Heartbeat, parseHeartbeat, type WorkerIdentity, workersPrefix } from './heartbeat.ts';
import { type HeardHeartbeat, type HeartbeatSeal, isFresh } from './heartbeat-seal.ts';
import { ignoredHeartbeat } from './ignored-heartbeats.ts';

export interface ClaimOptions {
  readonly broker: Broker;
  readonly prefix: string;
  /** Who claims: a record of this id, host and data directory (whose lock it holds) is its own. */
  readonly identity: Pick<WorkerIdentity, 'id' | 'host' | 'dataDir'>;
  /** The group of workers that live here together; null: one alone. */
  readonly group?: string | null;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** How long the broker may take to hand out what it retains. 300 ms by default. */
  readonly settleMs?: number;
  /** The broker cannot be reached (again): nothing can run before it can, so the claim goes on waiting. */
  readonly onWaiting?: (reason: string) => void;
}

/** Anyone may write to the topic: what is remembered of others is bounded. */
const MAX_WATCHED = 1000;

/**
 * Resolves when the prefix is free; rejects with `prefixInUse` (exit 75), `brokerRefused` (69) or `stopped`.
 * Nobody there, or only last wills: as soon as the broker has handed out its retained records. A record that says
 * "alive" is watched for two of its heartbeat intervals, for it may be left of a worker that died with the broker; only a
 * renewed one counts. No wall clocks are compared.
 */
export function claimPrefix(options: ClaimOptions): Promise<void> {
  const { broker, clock, signal } = options;
  const seen = new Map<string, Heartbeat>();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let settled = false;
  let deadline: Cancel = () => {};

  const reader = broker.openTable(
    { prefix: workersPrefix(options.prefix), settleMs: options.settleMs ?? 300 },
    {
      onRecord(id, value) {
        if (settled) return;
        const beat = value === null ? null : parseHeartbeat(id, value);
        if (beat !== null && (isOwn(options.identity, beat) || isOfGroup(beat, options.group))) return;
        const before = seen.get(id);
        if (beat === null || !beat.alive) seen.delete(id);
        else if (before !== undefined && isRenewed(before, beat)) finish(inUse(beat, options.prefix));
        else seen.set(id, beat);
      },
      onSnapshot() {
        if (settled) return;
        if (seen.size === 0) {
          finish(null);
          return;
        }
        let waitMs = 0;
        for (const beat of seen.values()) waitMs = Math.max(waitMs, 2 * beat.intervalMs);
        deadline();
        // A little more than two intervals: a heartbeat may be late by a turn of its event loop.
        deadline = clock.after(waitMs * 1.05, () => finish(null));
      },
      onStatus(status) {
        if (settled || status.up) return;
        deadline();
        const reason = status.reason ?? 'the broker does not answer';
        if (status.fatal === true) {
          const message = `The broker "${broker.name}" refuses this worker: ${reason}.`;
          finish(new BridgeError('brokerRefused', message, { exitCode: EXIT.unavailable }));
        } else options.onWaiting?.(reason);
      },
    },
  );

  function finish(error: Error | null): void {
    if (settled) return;
    settled = true;
    deadline();
    signal.removeEventListener('abort', onAbort);
    const settle = (): void => (error === null ? resolve() : reject(error));
    reader.stop().then(settle, settle);
  }
  function onAbort(): void {
    finish(new BridgeError('stopped', 'Stopped while waiting for the broker.', { exitCode: EXIT.ok }));
  }

  if (signal.aborted) onAbort();
  else {
    signal.addEventListener('abort', onAbort, { once: true });
    reader.start();
  }
  return promise;
}

export interface WatchOptions extends Pick<ClaimOptions, 'broker' | 'identity' | 'group' | 'clock'> {
  readonly seal: HeartbeatSeal;
  /** A heartbeat that is not believed is told. */
  readonly events: EventSink;
  /** Another worker lives here as well, and this one is to give way. Called once. */
  readonly onOusted: (error: BridgeError) => void;
}

/** Two that start together hear each other by then, also on a busy machine. */
const START_MS = 30_000;

/**
 * Two that start at the same moment, or one that was cut off from the broker for a while, do not see each other before they
 * start. Each then hears the other's heartbeats, and the one whose name sorts last gives way. Returns the way to stop.
 *
 * Who may write to the topic must not end a worker that runs: from the start's end on only heartbeats count that are signed, and
 * lately. Until then all do, as for `claimPrefix`: two bridges that were started by mistake have different keys.
 */
export function watchPrefix(options: WatchOptions): () => Promise<void> {
  const { broker, identity, group = null, clock, seal, events, onOusted } = options;
  const seen = new Map<string, Heartbeat>();
  const startedMs = clock.monotonic();
  /** Since when, by the monotonic clock, a worker's heartbeats come with a wrong time. */
  const staleSince = new Map<string, number>();
  let told = false;
  const judge = (beat: HeardHeartbeat): void => {
    const isBelieved = beat.isSigned && isFresh(beat, clock.now());
    const isStarting = !beat.isSigned && clock.monotonic() - startedMs < START_MS;
    const isOther = !isOfGroup(beat, group);
    if (isOther && (isBelieved || isStarting)) {
      if (told || nameOf(beat) >= nameOf(identity)) return;
      told = true;
      onOusted(inUse(beat, seal.prefix));
    } else if (!beat.isSigned || isStale(beat, isBelieved)) {
      events.emit(ignoredHeartbeat(beat, seal, group, clock.now()));
    }
  };
  /** After a while without the broker many old ones come at once: that is no news. */
  const isStale = ({ id }: Heartbeat, isFreshAgain: boolean): boolean => {
    const since = staleSince.get(id);
    if (isFreshAgain) staleSince.delete(id);
    else if (since === undefined) staleSince.set(id, clock.monotonic());
    return !isFreshAgain && since !== undefined && clock.monotonic() - since >= START_MS;
  };
  const reader = broker.openTable(
    { prefix: workersPrefix(seal.prefix), settleMs: 300 },
    {
      onRecord(id, value) {
        const beat = value === null ? null : seal.read(id, value);
        if (beat !== null && isOwn(identity, beat)) return;
        // Apart from each other: between two that are not signed a signed one may be an old copy.
        const key = beat?.isSigned === true ? id : `unsigned ${id}`;
        const before = seen.get(key);
        if (beat === null || !beat.alive) {
          seen.delete(key);
          return;
        }
        if (before === undefined ? beat.isSigned || seen.size < MAX_WATCHED : isRenewed(before, beat)) {
          seen.set(key, beat);
          if (before !== undefined) judge(beat);
        }
      },
      onSnapshot() {},
      onStatus() {},
    },
  );
  reader.start();
  return () => reader.stop();
}

function nameOf({ id, host, dataDir }: ClaimOptions['identity']): string {
  return [id, host.slice(0, 200), dataDir.slice(0, 200)].join('\u0000');
}

function isOfGroup({ membership }: Heartbeat, group: string | null | undefined): boolean {
  return group != null && membership?.group === group;
}

/** The id alone says little: a copied data directory, or one configuration on two machines, has the same. */
function isOwn({ id, host, dataDir }: ClaimOptions['identity'], beat: Heartbeat): boolean {
  return beat.id === id && beat.host === host.slice(0, 200) && beat.dataDir === dataDir.slice(0, 200);
}

/** A copy handed out again after a reconnect of ours is the same record. */
function isRenewed(before: Heartbeat, now: Heartbeat): boolean {
  return now.beat !== before.beat || now.pid !== before.pid || now.startedAt !== before.startedAt;
}

function inUse(other: Heartbeat, prefix: string): BridgeError {
  const place = `process ${other.pid} on ${other.host || 'an unknown host'}, data directory ${other.dataDir || 'unknown'}`;
  return new BridgeError(
    'prefixInUse',
    `Another worker, "${other.id}" (${place}), runs on the prefix "${prefix}" of this broker. Stop it, or give this one another prefix.`,
    { exitCode: EXIT.inUse },
  );
}
