// What a typed downlink is: its faults in words, and the desired payload that it stands for.
import { text } from '../text/text.ts';
import type { FormValues } from './schema.ts';

export interface DownlinkFaults {
  readonly device: string | null;
  readonly port: string | null;
  readonly hex: string | null;
  readonly json: string | null;
}

const MOST_HEX = 242 * 2;

/** As it is printed on devices and pasted: with dashes, colons or spaces. */
export function normalEui(typed: string): string {
  return typed.replaceAll(/[\s:-]/g, '').toUpperCase();
}

function typedIn(values: FormValues, name: string): string {
  return String(values[name] ?? '').trim();
}

/** `device`: given, so that it is not asked for. */
export function faultsOf(values: FormValues, device: string | undefined): DownlinkFaults {
  const isJson = values.isJson === true;
  const [port, hex] = [typedIn(values, 'port'), bytesIn(values)];
  const isPort = port === '' || (/^\d{1,3}$/.test(port) && Number(port) >= 1 && Number(port) <= 224);
  const isHex = hex !== '' && hex.length % 2 === 0 && hex.length <= MOST_HEX && /^[0-9a-f]+$/i.test(hex);
  const isEui = /^[0-9A-F]{16}$/.test(normalEui(device ?? typedIn(values, 'device')));
  return {
    device: isEui ? null : text.devices.notEui,
    port: isJson || isPort ? null : text.downlink.badPort,
    hex: isJson || isHex ? null : text.downlink.badHex,
    json: isJson && objectOf(typedIn(values, 'json')) === null ? text.device.notObject : null,
  };
}

/** Of values without a fault. */
export function documentOf(values: FormValues): object {
  if (values.isJson === true) return objectOf(typedIn(values, 'json')) ?? {};
  const port = typedIn(values, 'port');
  return {
    ...(port === '' ? {} : { FPort: Number(port) }),
    payload_hex: bytesIn(values),
    ...(values.confirmed === true ? { Confirmed: 1 } : {}),
  };
}

function bytesIn(values: FormValues): string {
  return typedIn(values, 'hex').replaceAll(/[\s:-]/g, '');
}

function objectOf(typed: string): object | null {
  try {
    const value: unknown = JSON.parse(typed);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}
