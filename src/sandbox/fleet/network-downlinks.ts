// Downlinks as the simulated networks take them, and their reports on them: written after what the networks publish of their
// formats, not after the bridge's own encoders.
import type { FleetNetwork, NetworkMessage } from './other-networks.ts';

export interface Downlink {
  readonly network: FleetNetwork;
  /** 16 upper-case hex digits. */
  readonly devEui: string;
  readonly fPort: number;
  /** Its last digit decides what becomes of it. */
  readonly correlationId: string;
  /** The device's topic, without what follows it. */
  readonly at: string;
  /** What the network names the downlink by in its reports. */
  readonly name: unknown;
}

export type Fate = 'sent' | 'notSent' | 'rejected';

export const FILTERS_OF_DOWNLINKS: Readonly<Record<FleetNetwork, string>> = {
  thingpark: 'mqtt/things/+/downlink',
  chirpstack: 'application/+/device/+/command/down',
  thingsStack: 'v3/+/devices/+/down/push',
};
/** Also under another pattern than ThingPark's usual one. */
const THINGPARK = /^((?:[^/]+\/)+([0-9A-F]{16}))\/downlink$/;
const CHIRPSTACK = /^(application\/[^/]+\/device\/([0-9a-f]{16}))\/command\/down$/;
const THINGS_STACK = /^(v3\/[^/]+\/devices\/eui-([0-9a-f]{16}))\/down\/push$/;

/** null: the topic is none of a downlink. Throws for a body that its network would not take. */
export function downlinkOf(topic: string, payload: Buffer): Downlink | null {
  const thingPark = THINGPARK.exec(topic);
  const chirpStack = CHIRPSTACK.exec(topic);
  const [, at = '', eui = ''] = thingPark ?? chirpStack ?? THINGS_STACK.exec(topic) ?? [];
  if (eui === '') return null;
  const devEui = eui.toUpperCase();
  const body = JSON.parse(payload.toString());
  if (thingPark !== null) {
    const { FPort: fPort, CorrelationID: correlationId } = body.DevEUI_downlink;
    return { network: 'thingpark', devEui, fPort, correlationId, at, name: correlationId };
  }
  if (chirpStack !== null) {
    // The item's id is a UUID, whose first 20 digits hold what tells one downlink from another.
    const digits = String(body.id).replaceAll('-', '').slice(0, 18);
    return { network: 'chirpstack', devEui, fPort: body.fPort, correlationId: digits, at, name: body.id };
  }
  const [item] = body.downlinks;
  const [name] = item.correlation_ids;
  return { network: 'thingsStack', devEui, fPort: item.f_port, correlationId: name, at, name };
}

/** A network's word on a downlink. These others say of one that could not be sent no more than that it failed. */
export function reportOf(downlink: Downlink, fate: Fate): NetworkMessage {
  if (downlink.network === 'thingpark') return onThingPark(downlink, fate);
  return downlink.network === 'chirpstack' ? onChirpStack(downlink, fate) : onThingsStack(downlink, fate);
}

function onThingPark({ devEui: DevEUI, fPort: FPort, correlationId: CorrelationID, at }: Downlink, fate: Fate) {
  const told = { Time: new Date().toISOString(), DevEUI, FPort, CorrelationID };
  const body =
    fate === 'rejected'
      ? {
          DevEUI_downlink_Rejected: {
            ...told,
            DeliveryStatus: 350,
            DownlinkRejectionCause: 'Downlink counter value already used',
          },
        }
      : {
          DevEUI_downlink_Sent: {
            ...told,
            DeliveryStatus: fate === 'sent' ? 1 : 0,
            DeliveryFailedCause1: fate === 'sent' ? '00' : 'B0',
          },
        };
  return { topic: `${at}/uplink`, body };
}

function onChirpStack({ devEui, at, name }: Downlink, fate: Fate): NetworkMessage {
  const told = { time: new Date().toISOString(), deviceInfo: { devEui: devEui.toLowerCase() } };
  if (fate === 'sent') {
    const body = { ...told, downlinkId: 1, queueItemId: name, fCntDown: 1, gatewayId: '02f1ee0000000001' };
    return { topic: `${at}/event/txack`, body };
  }
  const [code, description] =
    fate === 'rejected' ? ['DOWNLINK_PAYLOAD_SIZE', 'payload too large'] : ['DOWNLINK_GATEWAY', 'TOO_LATE'];
  const context = { queue_item_id: name };
  return { topic: `${at}/event/log`, body: { ...told, level: 'ERROR', code, description, context } };
}

function onThingsStack({ devEui, fPort, at, name }: Downlink, fate: Fate): NetworkMessage {
  const end_device_ids = { device_id: `eui-${devEui.toLowerCase()}`, dev_eui: devEui };
  const told = { end_device_ids, received_at: new Date().toISOString() };
  const downlink = { f_port: fPort, correlation_ids: [name, 'as:downlink:01'] };
  if (fate === 'sent') return { topic: `${at}/down/sent`, body: { ...told, downlink_sent: downlink } };
  const message_format = fate === 'rejected' ? 'invalid FPort' : 'no gateway in reach';
  const error = { namespace: 'simulated', name: fate, message_format };
  return { topic: `${at}/down/failed`, body: { ...told, downlink_failed: { downlink, error } } };
}
