// Finds the device of an uplink without parsing it: for messages that stay in the journal for now and are parsed once, later.

/**
 * The keys that carry the device id: in ThingPark's uplinks and resolved positions, in ChirpStack's messages and in The Things
 * Stack's. None is part of another. `behind`: what stands before it in its network's messages, and tells them.
 */
const KEYS = [
  { key: Buffer.from('"DevEUI"'), behind: null },
  { key: Buffer.from('"deviceEUI"'), behind: null },
  { key: Buffer.from('"devEui"'), behind: Buffer.from('"deviceInfo"') },
  { key: Buffer.from('"dev_eui"'), behind: Buffer.from('"end_device_ids"') },
];
/** The device id stands near the beginning; a message that hides it further down is parsed. */
const LOOK_BYTES = 1024;
const EUI_DIGITS = 16;
const EUI = /^[0-9A-F]{16}$/;
const QUOTE = 0x22;
const COLON = 0x3a;
const SPACE = 0x20;

/** 16 upper-case hex digits; null: not found at first sight, which says nothing. */
export function peekDevice(payload: Buffer): string | null {
  const head = payload.length > LOOK_BYTES ? payload.subarray(0, LOOK_BYTES) : payload;
  for (const { key, behind } of KEYS) {
    const from = behind === null ? 0 : head.indexOf(behind);
    const at = from < 0 ? -1 : head.indexOf(key, from);
    if (at < 0) continue;
    let i = at + key.length;
    while (head[i] === SPACE) i += 1;
    if (head[i] !== COLON) return null;
    i += 1;
    while (head[i] === SPACE) i += 1;
    if (head[i] !== QUOTE || head[i + 1 + EUI_DIGITS] !== QUOTE) return null;
    const eui = head.toString('latin1', i + 1, i + 1 + EUI_DIGITS).toUpperCase();
    return EUI.test(eui) ? eui : null;
  }
  return null;
}
