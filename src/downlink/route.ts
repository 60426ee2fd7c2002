// Routes: where the downlinks of a device go whose uplinks come from ChirpStack or The Things Stack, and in which form. Kept as a
// text in the place of the device's driver, which only ThingPark needs; devices of one application share it.
import { chirpstackCommandTopic } from '../domain/chirpstack-downlink.ts';
import type { UplinkOrigin } from '../domain/ports/downlink.ts';
import { thingsStackDeviceTopic } from '../domain/things-stack-downlink.ts';

export type Route =
  | { readonly network: 'thingpark' }
  /** `topic`: null: neither the topic nor the content of its uplinks tells. */
  | { readonly network: 'chirpstack' | 'thingsStack'; readonly topic: string | null };

const DEVICE = '{deveui}';
const THINGPARK: Route = Object.freeze({ network: 'thingpark' });
/** Of a device that has come to ThingPark and whose driver is not told. */
export const THINGPARK_ROUTE = 'thingpark';
/** As many as the driver's text may have. */
const MAX_ROUTE = 1_000;

/** null: ThingPark's, where the driver is what is kept. */
export function routeOf({ network, topic, root }: UplinkOrigin, device: string): string | null {
  if (network !== 'chirpstack' && network !== 'thingsStack') return null;
  const found = network === 'chirpstack' ? chirpstackCommandTopic(topic, root) : thingsStackDeviceTopic(topic, root);
  const shared = found === null ? '' : found.replace(device.toLowerCase(), DEVICE);
  return shared.length > MAX_ROUTE ? network : `${network} ${shared}`.trimEnd();
}

/** `kept`: what is kept of the device; a driver's JSON, or null, is ThingPark's. */
export function readRoute(kept: string | null, device: string): Route {
  const parts = kept === null ? null : /^(chirpstack|thingsStack)(?: (.+))?$/.exec(kept);
  if (parts === null) return THINGPARK;
  const network = parts[1] as 'chirpstack' | 'thingsStack';
  return { network, topic: parts[2] === undefined ? null : parts[2].replace(DEVICE, device.toLowerCase()) };
}
