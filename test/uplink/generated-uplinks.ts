// Uplinks by chance, cheaply: plausible ones that know where the device is, with decoys, and hostile ones.
import { type Dice, seededDice } from '../../src/sandbox/fleet/seeded-chance.ts';
import { DECOYS, FAILURES, hostile, leaf, NESTS, PAIRS, SENSORS } from './generated-words.ts';
import { DEVICE } from './prepare-support.ts';

export interface Generated {
  readonly content: unknown;
  /** The only place that the record may have; null: it may have none; undefined: anything that is valid. */
  readonly place: { readonly lat: number; readonly lng: number } | null | undefined;
  /** False: the place may also be missing (the uplink says that the fix failed, or hides it). */
  readonly mustHave: boolean;
}

export function createGenerator(seed: number): () => Generated {
  const dice = seededDice(seed);
  return () => (dice.chance(0.55) ? plausible(dice) : { content: hostile(dice), place: undefined, mustHave: false });
}

function plausible(dice: Dice): Generated {
  const lat = Math.round(dice.between(-89, 89) * 1e6) / 1e6;
  const lng = Math.round(dice.between(-179, 179) * 1e6) / 1e6;
  const write = (value: number): unknown => (dice.chance(0.2) ? String(value) : value);
  const [latName, lngName] = dice.pick(PAIRS);
  const pair = { [latName]: write(lat), [lngName]: write(lng) };
  const nest = dice.pick(NESTS);
  let payload: Record<string, unknown> = { ...sensors(dice), ...(nest === '' ? pair : { [nest]: pair }) };
  let mustHave = true;
  const form = dice.whole(0, 9);
  if (form === 0)
    payload = {
      ...sensors(dice),
      messages: [
        [
          { type: 'Longitude', measurementValue: write(lng) },
          { type: 'Latitude', measurementValue: write(lat) },
        ],
      ],
    };
  else if (form === 1) payload = { ...sensors(dice), location: `${lat}, ${lng}` };
  else if (form === 2) payload = { ...sensors(dice), location: [lng, lat] };
  else if (form === 3)
    payload = {
      ...sensors(dice),
      position: { status: 'SUCCESS', positionType: 'GNSS', gnssFix: { latitude: lat, longitude: lng } },
    };
  for (let i = dice.whole(0, 2); i > 0; i--) {
    payload[dice.pick(DECOYS)] = {
      latitude: dice.between(-80, 80),
      longitude: dice.between(-170, 170),
      lat: 1.5,
      lng: 2.5,
    };
  }
  if (dice.chance(0.2)) payload[dice.pick(['wifi', 'wifiBssids', 'bleBssids', 'bleBeaconMacs', 'scan'])] = heard(dice);
  if (dice.chance(0.1)) {
    const failure = dice.pick(FAILURES);
    // Before the place, or instead of what has the same name.
    payload = 'gnss' in failure && 'gnss' in payload ? { ...payload, ...failure } : { ...failure, ...payload };
    return { content: wrapped(dice, payload), place: null, mustHave: false };
  }
  if (dice.chance(0.1)) {
    // A placeholder in place of the fix: nothing else in the payload may stand in for it.
    const [bad, worse] = dice.pick([
      [0, 0],
      [200.1, 7],
      [-1e-7, -1e-7],
      [214.7483647, 214.7483647],
      ['NaN', 'NaN'],
      ['', ''],
      [null, null],
    ] as const);
    payload = { ...sensors(dice), gps: { latitude: bad, longitude: worse }, rxInfo: [{ latitude: 3, longitude: 4 }] };
    return { content: wrapped(dice, payload), place: null, mustHave: false };
  }
  if (typeof payload.status === 'string' || 'GPS' in payload) mustHave = false;
  return { content: wrapped(dice, payload), place: { lat, lng }, mustHave };
}

function heard(dice: Dice): unknown {
  return Array.from({ length: dice.chance(0.02) ? 200 : dice.whole(0, 5) }, () => ({
    [dice.pick(['mac', 'bssid', 'macAddress'])]: dice.chance(0.1) ? leaf(dice) : dice.hex(6),
    [dice.pick(['rssi', 'signalStrength'])]: dice.chance(0.2) ? leaf(dice) : dice.whole(-140, 5),
    ...(dice.chance(0.1) ? { uuid: dice.hex(16), major: leaf(dice), minor: dice.whole(-1, 70_000) } : {}),
    ...(dice.chance(0.1) ? { namespace: dice.hex(10), instance: dice.hex(6) } : {}),
  }));
}

/** In the envelope of one of the networks, with a gateway's place beside it. */
function wrapped(dice: Dice, payload: unknown): unknown {
  const Time = '2024-06-20T12:51:53.243Z';
  switch (dice.whole(0, 4)) {
    case 0:
      return {
        deviceInfo: { devEui: DEVICE.toLowerCase() },
        time: Time,
        fPort: 2,
        fCnt: 1,
        data: 'AQ==',
        object: payload,
        rxInfo: [{ location: { latitude: 1, longitude: 2 } }],
      };
    case 1:
      return {
        end_device_ids: { dev_eui: DEVICE },
        uplink_message: {
          f_port: 2,
          received_at: Time,
          frm_payload: 'AQ==',
          decoded_payload: payload,
          rx_metadata: [{ location: { latitude: 1, longitude: 2 } }],
          locations: { user: { latitude: 1, longitude: 2, source: 'SOURCE_REGISTRY' } },
        },
      };
    case 2:
      return { device_id: DEVICE, received_at: Time, payload };
    default:
      return {
        DevEUI_uplink: {
          Time,
          DevEUI: DEVICE,
          FPort: 2,
          FCntUp: dice.whole(0, 9),
          payload_hex: '01',
          LrrLAT: 1,
          LrrLON: 2,
          CustomerData: { loc: { lat: '1', lon: '2' } },
          payload,
        },
      };
  }
}

function sensors(dice: Dice): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (let i = dice.whole(0, 6); i > 0; i--) {
    const name = dice.pick(SENSORS);
    if (name !== 'status') fields[name] = leaf(dice);
  }
  // What a random text under such a name says of the fix must not be mistaken for the truth.
  return fields;
}
