// What a person is told of heartbeats that nobody believes: another key, an older version, a clock, or somebody else's.
import type { NewEvent } from '../domain/events.ts';
import type { HeardHeartbeat, HeartbeatSeal } from './heartbeat-seal.ts';

/** `group`: of this worker; null: it is alone. Its like are one event, however many names somebody makes up. */
export function ignoredHeartbeat(
  beat: HeardHeartbeat,
  seal: HeartbeatSeal,
  group: string | null,
  nowMs: number,
): NewEvent {
  const { id, host, membership } = beat;
  const who = `Worker "${id}" on ${host || 'an unknown host'}`;
  if (beat.isSigned) {
    const seconds = Math.round(Math.abs(nowMs - beat.saidAt) / 1000);
    const message = `${who} signs heartbeats by a clock that differs from this one by ${seconds} s: they are left out, and it is not asked. Set the clocks; or somebody puts old heartbeats on ${seal.prefix}/workers.`;
    return { kind: 'heartbeatIgnored', severity: 'warning', connectionId: null, key: 'clock', message };
  }
  if (group !== null && membership?.group === group && membership.keyId !== seal.keyId) {
    const message = `${who} has another secret key: neither can read what the other encrypts, nor asks the other. Give all workers the same secrets.key.`;
    return { kind: 'secretKeysDiffer', severity: 'error', connectionId: null, key: id, message };
  }
  const message = `${who} does not sign its heartbeats with the key of this bridge: they are left out, and it is not asked. It is of an older version (restart it with this one), or another bridge on the prefix ${seal.prefix} (stop it, or give it a prefix of its own), or somebody else who may write to ${seal.prefix}/workers.`;
  return { kind: 'heartbeatIgnored', severity: 'warning', connectionId: null, key: 'unsigned', message };
}
