// The Things Stack v3: `down/push`, `down/replace` and what it says afterwards (`down/queued`, `sent`, `ack`, `nack`, `failed`).
// Source: The Things Stack's published data formats and MQTT topics.
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

/**
 * The device's topic without its last levels, such as `v3/app1@ttn/devices/dev1`; the uplink's own topic goes first, since only
 * it has the tenant. null: neither tells.
 */
export function thingsStackDeviceTopic(uplinkTopic: string, root: unknown): string | null {
  const up =
    /^(.{0,512}\/devices\/[a-z0-9-]{1,36})\/(?:up|join|location\/solved|service\/data|down\/[a-z]{1,10})$/.exec(
      uplinkTopic,
    );
  if (up !== null) return up[1] as string;
  const ids = isRecord(root) && isRecord(root.end_device_ids) ? root.end_device_ids : {};
  const application = isRecord(ids.application_ids) ? ids.application_ids.application_id : null;
  if (!isTopicPart(application) || !isTopicPart(ids.device_id)) return null;
  return `v3/${application}/devices/${ids.device_id}`;
}

const CORRELATION = 'here-bridge:';

/** `flushQueue` makes it `down/replace`. */
export function encodeThingsStackDownlink(downlink: NetworkDownlink, deviceTopic: string): NetworkMessage {
  const { fPort, confirmed, payload, correlationId, flushQueue } = downlink;
  const content = 'hex' in payload ? { frm_payload: base64OfHex(payload.hex) } : { decoded_payload: payload.object };
  const item = {
    f_port: fPort,
    ...content,
    confirmed,
    priority: 'NORMAL',
    correlation_ids: [`${CORRELATION}${correlationId.toUpperCase()}`],
  };
  const topic = `${deviceTopic}/down/${flushQueue ? 'replace' : 'push'}`;
  return { topic, body: JSON.stringify({ downlinks: [item] }) };
}

const KINDS = [
  ['downlink_queued', 'queued'],
  ['downlink_sent', 'sent'],
  ['downlink_ack', 'acknowledged'],
  ['downlink_nack', 'notAcknowledged'],
  ['downlink_failed', 'failed'],
  ['downlink_queue_invalidated', 'failed'],
] as const;

/** null: not a word on a downlink. `root`: the parsed message. */
export function readThingsStackConfirmation(root: unknown): NetworkConfirmation | null {
  if (!isRecord(root) || !isRecord(root.end_device_ids)) return null;
  for (const [key, outcome] of KINDS) {
    const body = root[key];
    if (!isRecord(body)) continue;
    const downlink = isRecord(body.downlink) ? body.downlink : (firstOf(body.downlinks) ?? body);
    const correlationId = ours(downlink.correlation_ids) ?? ours(root.correlation_ids);
    const fPort = portOf(downlink.f_port);
    const cause = outcome === 'failed' ? causeOf(body.error, key) : null;
    return { device: euiOf(root.end_device_ids.dev_eui), correlationId, fPort, outcome, cause };
  }
  return null;
}

function firstOf(list: unknown): { readonly [key: string]: unknown } | null {
  const first: unknown = Array.isArray(list) ? list[0] : null;
  return isRecord(first) ? first : null;
}

function ours(ids: unknown): string | null {
  if (!Array.isArray(ids)) return null;
  for (const id of ids.slice(0, 100)) {
    if (typeof id !== 'string' || !id.startsWith(CORRELATION)) continue;
    const digits = id.slice(CORRELATION.length);
    if (/^[0-9A-F]{16}$/.test(digits)) return digits;
  }
  return null;
}

function causeOf(error: unknown, key: string): string {
  if (isRecord(error)) return wordsOf(error.message_format) ?? wordsOf(error.name) ?? 'the network tells no cause';
  return key === 'downlink_queue_invalidated' ? 'the network emptied the queue' : 'the network tells no cause';
}
