// A downlink in the form of the network that its device's uplinks come from. ThingPark's own is the inner form of all.
import { encodeChirpstackDownlink } from '../domain/chirpstack-downlink.ts';
import type { NetworkDownlink, NetworkMessage } from '../domain/network-downlink.ts';
import { encodeThingsStackDownlink } from '../domain/things-stack-downlink.ts';
import type { JsonObject } from './json.ts';
import type { Route } from './route.ts';

export type InForm = ({ readonly ok: true } & NetworkMessage) | { readonly ok: false; readonly cause: string };

const NAMES = { chirpstack: 'ChirpStack', thingsStack: 'The Things Stack' } as const;
/** What only ThingPark's downlinks have. Left out silently, a validity or a counter would let a downlink do what nobody wanted. */
const FOREIGN = ['ValidityTime', 'Token', 'FCntDn', 'AFCntDn', 'RetryIneligibleGateways'] as const;
/** LoRaWAN's last port for applications; 224 is for tests of devices. */
const LAST_PORT = 223;

/** Where the connection's broker is Kafka. */
export function onlyByMqtt(network: keyof typeof NAMES): InForm {
  return { ok: false, cause: `${NAMES[network]} takes downlinks by MQTT alone, and the connection's broker is Kafka` };
}

/** `content`: of `DevEUI_downlink`, as `encode` has made it. `cause`: to follow "it was refused:". */
export function inFormOf(route: Exclude<Route, { network: 'thingpark' }>, content: JsonObject): InForm {
  const { network, topic } = route;
  const name = NAMES[network];
  if (topic === null) {
    return { ok: false, cause: `the uplinks of the device do not tell where ${name} takes its downlinks` };
  }
  for (const field of FOREIGN) {
    if (content[field] !== undefined) return { ok: false, cause: `${name} knows no ${field}` };
  }
  const flushQueue = content.FlushDownlinkQueue === 1;
  if (flushQueue && network === 'chirpstack') return { ok: false, cause: `${name} knows no FlushDownlinkQueue` };
  const fPort = content.FPort as number;
  if (fPort > LAST_PORT) return { ok: false, cause: `FPort is not a whole number from 1 to ${LAST_PORT}` };
  const { payload, payload_hex: hex } = content;
  const downlink: NetworkDownlink = {
    device: content.DevEUI as string,
    fPort,
    payload: typeof hex === 'string' ? { hex } : { object: payload as JsonObject },
    confirmed: content.Confirmed === 1,
    flushQueue,
    correlationId: content.CorrelationID as string,
  };
  const message =
    network === 'chirpstack' ? encodeChirpstackDownlink(downlink, topic) : encodeThingsStackDownlink(downlink, topic);
  return { ok: true, ...message };
}
