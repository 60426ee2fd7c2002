// ChirpStack v4: `command/down` and its `event/txack`, `event/ack`, `event/log`. Source: ChirpStack's published integration
// messages. It has no way to flush a queue by a command, so `flushQueue` is not carried over.
import {
  base64OfHex,
  euiOf,
  isRecord,
  isTopicPart,
  type NetworkConfirmation,
  type NetworkDownlink,
  type NetworkMessage,
  portOf,
  wordsOf,
} from './network-downlink.ts';

/** Where the commands of a device go: from its uplink's topic, whose prefix an operator may have changed, else from its body. */
export function chirpstackCommandTopic(uplinkTopic: string, root: unknown): string | null {
  const event = /^(.{0,512}\/device\/[0-9A-Fa-f]{16})\/event\/[a-z]{1,20}$/.exec(uplinkTopic);
  if (event !== null) return `${event[1]}/command/down`;
  const info = isRecord(root) && isRecord(root.deviceInfo) ? root.deviceInfo : {};
  const device = euiOf(info.devEui);
  if (device === null || !isTopicPart(info.applicationId)) return null;
  return `application/${info.applicationId}/device/${device.toLowerCase()}/command/down`;
}

export function encodeChirpstackDownlink(downlink: NetworkDownlink, topic: string): NetworkMessage {
  const { device, fPort, confirmed, payload, correlationId } = downlink;
  const content = 'hex' in payload ? { data: base64OfHex(payload.hex) } : { object: payload.object };
  const command = { id: queueItemId(correlationId), devEui: device.toLowerCase(), confirmed, fPort, ...content };
  return { topic, body: JSON.stringify(command) };
}

/** The item's id is a UUID: our 16 hex digits around the version and the variant, then a fixed rest that tells it as ours. */
export function queueItemId(correlationId: string): string {
  const id = correlationId.toLowerCase();
  return `${id.slice(0, 8)}-${id.slice(8, 12)}-8${id.slice(12, 15)}-8${id.slice(15)}00-4e0b71d6e000`;
}

const OURS = /^([0-9a-f]{8})-([0-9a-f]{4})-8([0-9a-f]{3})-8([0-9a-f])00-4e0b71d6e000$/;

export function correlationIdOfItem(itemId: unknown): string | null {
  const parts = typeof itemId === 'string' ? OURS.exec(itemId.toLowerCase()) : null;
  return parts === null ? null : `${parts[1]}${parts[2]}${parts[3]}${parts[4]}`.toUpperCase();
}

/** null: not a word on a downlink. `root`: the parsed message. */
export function readChirpstackConfirmation(root: unknown): NetworkConfirmation | null {
  if (!isRecord(root) || !isRecord(root.deviceInfo)) return null;
  const device = euiOf(root.deviceInfo.devEui);
  const told = (outcome: NetworkConfirmation['outcome'], cause: string | null): NetworkConfirmation => ({
    device,
    correlationId: correlationIdOfItem(root.queueItemId),
    fPort: portOf(root.fPort),
    outcome,
    cause,
  });
  // A negative acknowledgement is `acknowledged: false`, which this JSON leaves out as it does with every default.
  if (root.downlinkId !== undefined || root.gatewayId !== undefined) return told('sent', null);
  if (root.queueItemId !== undefined && root.code === undefined) {
    return root.acknowledged === true ? told('acknowledged', null) : told('notAcknowledged', 'no acknowledgement');
  }
  const { code, context } = root;
  if (typeof code !== 'string' || !(code.includes('DOWNLINK') || code === 'EXPIRED' || code === 'F_CNT_DOWN'))
    return null;
  const item = isRecord(context) ? (context.queue_item_id ?? context.queueItemId) : undefined;
  return {
    ...told('failed', wordsOf(root.description) ?? code.slice(0, 60)),
    correlationId: correlationIdOfItem(item),
  };
}
