// The same trackers on other networks: a message as ThingPark would write it, in ChirpStack v4's or The Things Stack v3's form.
// Pure, and without chance of its own, so that a fleet's sequence is the same whatever its networks are.
import { Buffer } from 'node:buffer';

const FLEET_NETWORKS = ['thingpark', 'chirpstack', 'thingsStack'] as const;
export type FleetNetwork = (typeof FLEET_NETWORKS)[number];

type Body = Readonly<Record<string, unknown>>;

export interface NetworkMessage {
  readonly topic: string;
  readonly body: object;
}

/** Made-up ids of the whole fleet. */
const APPLICATION = '5d1c0de0-0000-4000-8000-000000000042';
const GATEWAY = '02f1ee0000000001';

/** Topics that a connection must subscribe to for such a fleet. */
export const TOPICS_OF_NETWORKS: Readonly<Record<FleetNetwork, readonly string[]>> = {
  thingpark: ['mqtt/things/+/uplink'],
  chirpstack: ['application/+/device/+/event/+'],
  thingsStack: [
    ...['v3/+/devices/+/+', 'v3/+/devices/+/location/solved'],
    'v3/+/devices/+/down/sent',
    'v3/+/devices/+/down/failed',
  ],
};

/** `message`: what ThingPark would publish for the device. */
export function onNetwork(
  network: Exclude<FleetNetwork, 'thingpark'>,
  message: object,
  devEui: string,
): NetworkMessage {
  return network === 'chirpstack' ? onChirpStack(message as Body, devEui) : onThingsStack(message as Body, devEui);
}

function onChirpStack(message: Body, devEui: string): NetworkMessage {
  const eui = devEui.toLowerCase();
  const { uplink, location, resolved, time } = partsOf(message);
  const told = (event: string, fields: object): NetworkMessage => ({
    topic: `application/${APPLICATION}/device/${eui}/event/${event}`,
    body: { time, deviceInfo: deviceInfo(uplink ?? location ?? {}, eui), ...fields },
  });
  if (location !== null) {
    const place = { latitude: location.DevLAT, longitude: location.DevLON, altitude: location.DevAlt };
    return told('location', { location: { ...place, source: 'GEO_RESOLVER_TDOA', accuracy: location.DevLocRadius } });
  }
  if (resolved !== null) {
    const [longitude, latitude, altitude] = listOf(resolved.coordinates);
    const accuracy = resolved.horizontalAccuracy;
    return told('location', { location: { latitude, longitude, altitude, source: 'GEO_RESOLVER_WIFI', accuracy } });
  }
  if (uplink === null) return told('txack', { downlinkId: 1, queueItemId: devEui, gatewayId: GATEWAY });
  if (uplink.rawJoinRequest !== undefined) return told('join', { devAddr: uplink.DevAddr });
  const fPort = Number(uplink.FPort ?? 0);
  return told('up', {
    devAddr: uplink.DevAddr,
    adr: true,
    dr: 12 - Number(uplink.SpFact),
    fCnt: Number(uplink.FCntUp),
    fPort,
    confirmed: false,
    data: base64(uplink.payload_hex),
    ...(decodedOf(uplink) === undefined ? {} : { object: decodedOf(uplink) }),
    rxInfo: [
      {
        gatewayId: GATEWAY,
        rssi: Number(uplink.LrrRSSI),
        snr: Number(uplink.LrrSNR),
        location: { latitude: Number(uplink.LrrLAT), longitude: Number(uplink.LrrLON) },
      },
    ],
  });
}

function deviceInfo(body: Body, devEui: string): object {
  const { customer, model } = identityOf(body);
  const tags = Object.fromEntries(listOf(customer.tags).map((tag) => [String(tag), '']));
  return {
    tenantName: 'simulated',
    applicationId: APPLICATION,
    applicationName: 'fleet',
    deviceProfileName: model,
    deviceName: customer.name,
    devEui,
    tags,
  };
}

function onThingsStack(message: Body, devEui: string): NetworkMessage {
  const device_id = `eui-${devEui.toLowerCase()}`;
  const { uplink, location, resolved, time } = partsOf(message);
  const told = (event: string, fields: object): NetworkMessage => ({
    topic: `v3/fleet@simulated/devices/${device_id}/${event}`,
    body: {
      end_device_ids: { device_id, application_ids: { application_id: 'fleet' }, dev_eui: devEui },
      received_at: time,
      ...fields,
    },
  });
  if (location !== null) {
    const place = { latitude: location.DevLAT, longitude: location.DevLON, accuracy: location.DevLocRadius };
    return told('location/solved', {
      location_solved: { location: { ...place, source: 'SOURCE_LORA_TDOA_GEOLOCATION' } },
    });
  }
  if (resolved !== null) {
    const [longitude, latitude] = listOf(resolved.coordinates);
    const place = {
      latitude,
      longitude,
      accuracy: resolved.horizontalAccuracy,
      source: 'SOURCE_WIFI_RSSI_GEOLOCATION',
    };
    return told('location/solved', { location_solved: { location: place } });
  }
  if (uplink === null) return told('down/sent', { downlink_sent: { f_port: 2, correlation_ids: [] } });
  if (uplink.rawJoinRequest !== undefined) return told('join', { join_accept: { received_at: time } });
  const { maker, model } = identityOf(uplink);
  return told('up', {
    uplink_message: {
      ...(uplink.FPort === undefined ? {} : { f_port: Number(uplink.FPort), frm_payload: base64(uplink.payload_hex) }),
      f_cnt: Number(uplink.FCntUp),
      ...(decodedOf(uplink) === undefined ? {} : { decoded_payload: decodedOf(uplink) }),
      rx_metadata: [
        {
          gateway_ids: { gateway_id: 'simulated-1', eui: GATEWAY.toUpperCase() },
          rssi: Number(uplink.LrrRSSI),
          snr: Number(uplink.LrrSNR),
          location: { latitude: Number(uplink.LrrLAT), longitude: Number(uplink.LrrLON) },
        },
      ],
      version_ids: { brand_id: maker, model_id: model },
      received_at: time,
    },
  });
}

function partsOf(message: Body): { uplink: Body | null; location: Body | null; resolved: Body | null; time: unknown } {
  const uplink = (message.DevEUI_uplink as Body | undefined) ?? null;
  const location = (message.DevEUI_location as Body | undefined) ?? null;
  const resolved = message.deviceEUI === undefined ? null : message;
  const report = Object.values(message)[0] as Body | undefined;
  return { uplink, location, resolved, time: (uplink ?? location)?.Time ?? message.time ?? report?.Time };
}

function identityOf(body: Body): { customer: Body; maker: unknown; model: unknown } {
  const customer = (body.CustomerData as Body | undefined) ?? {};
  const driver = (body.DriverCfg as { mod?: Body } | undefined)?.mod ?? {};
  return { customer, maker: driver.pId, model: driver.mId };
}

/** Where ThingPark's driver gives only `points`, others give their values. */
function decodedOf({ payload, points }: Body): unknown {
  if (payload !== undefined || points === undefined) return payload;
  return Object.fromEntries(Object.entries(points as Body).map(([name, point]) => [name, (point as Body).record]));
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function base64(hex: unknown): string {
  return typeof hex === 'string' ? Buffer.from(hex, 'hex').toString('base64') : '';
}
