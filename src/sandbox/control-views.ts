// A device's counts and a logged record as tests and the admin paths see them.
import type { DeviceCounts, ReceivedRecord } from './control.ts';
import { type Device, OWNER } from './devices.ts';
import type { LoggedRecord } from './record-log.ts';

function nameOf(device: Device): string {
  return device.externalId ?? device.trackingId;
}

export function toCounts(device: Device): DeviceCounts {
  return {
    appId: device.project.appId,
    device: nameOf(device),
    claimed: device.owner === OWNER.project,
    accepted: device.accepted,
    duplicates: device.duplicates,
    outOfOrder: device.outOfOrder,
    lastTimestamp: device.lastTimestamp,
  };
}

export function toReceived({ seq, device, timestamp, receivedAt, request, text }: LoggedRecord): ReceivedRecord {
  const record = JSON.parse(text) as Record<string, unknown>;
  return { seq, appId: device.project.appId, device: nameOf(device), timestamp, receivedAt, request, record };
}
