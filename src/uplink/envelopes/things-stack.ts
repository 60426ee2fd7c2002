// The Things Stack v3's messages, recognised by `end_device_ids`. Source: The Things Stack's published data formats. An uplink's
// body is put together in ThingPark's form, as ChirpStack's is. Places in `rx_metadata` are the gateways'.
import { anyTime } from '../iso-time.ts';
import { devEui, isObject, type JsonObject, num, text } from '../values.ts';
import { bodyOf, count, hasFields, hexOfBase64 } from './chirpstack.ts';
import { type Envelope, type Frame, type Located, NO_OBJECT, NOTHING, type Technology } from './frame.ts';

export function readThingsStack(root: JsonObject): Envelope | null {
  const { end_device_ids: ids } = root;
  if (!isObject(ids)) return isCommand(root) ? skip('report', null, 'a command on its way out') : null;
  const device = devEui(ids.dev_eui) ?? euiOfName(ids.device_id);
  if (isObject(root.uplink_message)) return uplink(root, ids, device, root.uplink_message);
  if (isObject(root.location_solved)) return solved(root, ids, device, root.location_solved);
  if (root.join_accept !== undefined) return skip('join', device, 'join_accept');
  // The uplink itself has the same values.
  if (root.uplink_normalized !== undefined) return skip('secondCopy', device, 'uplink_normalized');
  for (const key in root) {
    if (key.startsWith('downlink_')) return { ...skip('report', device, key), report: root };
    if (key === 'service_data') return skip('report', device, key);
  }
  return skip('report', device, 'a message of an unknown kind');
}

/** Of `down/push` and `down/replace`, heard on a topic that the filter takes in. */
function isCommand({ downlinks }: JsonObject): boolean {
  return Array.isArray(downlinks) && isObject(downlinks[0]) && downlinks[0].f_port !== undefined;
}

function skip(
  reason: 'report' | 'join' | 'mac' | 'secondCopy',
  device: string | null,
  name: string,
): Extract<Envelope, { kind: 'noTelemetry' }> {
  return { kind: 'noTelemetry', reason, device, name: `The Things Stack: ${name}`, batteryLevel: null };
}

/** Devices are called `eui-` and their DevEUI where nobody has chosen another name. */
function euiOfName(name: unknown): string | null {
  return typeof name === 'string' && name.startsWith('eui-') ? devEui(name.slice('eui-'.length)) : null;
}

function uplink(root: JsonObject, ids: JsonObject, device: string | null, up: JsonObject): Envelope {
  const hex = hexOfBase64(up.frm_payload);
  const decoded = isObject(up.decoded_payload) && hasFields(up.decoded_payload) ? up.decoded_payload : null;
  const measured = normalized(up.normalized_payload);
  if (num(up.f_port ?? 0) === 0 || (hex === null && decoded === null && measured.length === 0)) {
    return skip('mac', device, 'MAC commands only');
  }
  const receivers = Array.isArray(up.rx_metadata) ? up.rx_metadata : NOTHING;
  const best = isObject(receivers[0]) ? receivers[0] : NO_OBJECT;
  const received = up.received_at ?? root.received_at;
  const gateway = isObject(best.gateway_ids) ? best.gateway_ids.gateway_id : undefined;
  const body = bodyOf({
    Time: received,
    DevEUI: device,
    FPort: up.f_port,
    // Empty fields are left out of this JSON: the first frame has no counter.
    FCntUp: up.f_cnt ?? 0,
    payload_hex: hex,
    DevAddr: ids.dev_addr,
    LrrRSSI: best.rssi,
    LrrSNR: best.snr,
    Lrrid: gateway,
    DevLrrCnt: receivers.length === 0 ? undefined : receivers.length,
    CustomerData: typeof ids.device_id === 'string' ? { name: ids.device_id } : undefined,
    payload: decoded ?? (measured.length > 0 ? measured : undefined),
  });
  const battery = isObject(up.last_battery_percentage) ? num(up.last_battery_percentage.value) : Number.NaN;
  const frame: Frame = {
    ...frameOf(up, device),
    receivedAt: anyTime(received),
    fCnt: count(up.f_cnt ?? 0),
    rootKey: 'DevEUI_uplink',
    body,
    decoded: decoded ?? (measured.length > 0 ? measured : null),
    extras: decoded === null ? NOTHING : measured,
    payloadHex: hex,
    located: ofPayload(up.locations),
    networkBattery: battery,
  };
  return { kind: 'frame', frame };
}

/** Its battery is in volts, which never become per cent. */
function normalized(payload: unknown): readonly JsonObject[] {
  const list = Array.isArray(payload) ? payload.slice(0, 50) : [payload];
  const measured: JsonObject[] = [];
  for (const entry of list) {
    if (!isObject(entry)) continue;
    const { battery: _, ...rest } = entry;
    if (hasFields(rest)) measured.push(rest);
  }
  return measured;
}

/**
 * Of an uplink's `locations` only the one that was read from its payload: `user` is a configured place, and those of solvers
 * are of earlier frames (the present ones come as `location_solved`).
 */
function ofPayload(locations: unknown): Located | null {
  const place = isObject(locations) ? locations['frm-payload'] : null;
  return isObject(place) ? located(place) : null;
}

function solved(root: JsonObject, ids: JsonObject, device: string | null, body: JsonObject): Envelope {
  const place = isObject(body.location) ? body.location : NO_OBJECT;
  const received = anyTime(root.received_at);
  const frame: Frame = {
    ...frameOf(body, device),
    kind: 'location',
    receivedAt: received,
    rootKey: 'DevEUI_location',
    body: bodyOf({
      Time: root.received_at,
      DevEUI: device,
      DevAddr: ids.dev_addr,
      location: place,
      service: body.service,
    }),
    located: located(place),
  };
  return { kind: 'frame', frame };
}

function located(place: JsonObject): Located {
  const source = text(place.source, 60) ?? '';
  const isConfigured =
    source === 'SOURCE_REGISTRY' || source === 'SOURCE_UNKNOWN' || source === 'SOURCE_IP_GEOLOCATION';
  return {
    lat: num(place.latitude),
    lng: num(place.longitude),
    // Empty fields are left out of this JSON, and unknown altitudes are 0 elsewhere.
    alt: num(place.altitude) === 0 ? Number.NaN : num(place.altitude),
    accuracy: num(place.accuracy),
    time: Number.NaN,
    age: Number.NaN,
    technology: technologyOf(source),
    northVelocity: Number.NaN,
    eastVelocity: Number.NaN,
    stale: isConfigured ? `${source}: a configured or guessed place is no fix` : null,
    unknownState: null,
  };
}

function technologyOf(source: string): Technology {
  if (source === 'SOURCE_GPS') return 'gnss';
  return source.startsWith('SOURCE_WIFI') ? 'wlan' : 'network';
}

function frameOf(body: JsonObject, device: string | null): Frame {
  const version = isObject(body.version_ids) ? body.version_ids : NO_OBJECT;
  return {
    network: 'thingsStack',
    kind: 'uplink',
    device,
    receivedAt: Number.NaN,
    receivedFrom: 'received_at',
    fCnt: undefined,
    rootKey: null,
    body: NO_OBJECT,
    decoded: null,
    extras: NOTHING,
    points: null,
    payloadHex: null,
    located: null,
    maker: text(version.brand_id, 100),
    model: text(version.model_id, 100),
    tags: null,
    services: null,
    decodeError: null,
    networkBattery: Number.NaN,
  };
}
