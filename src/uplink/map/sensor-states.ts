// States that a device tells by words or flags: charging, moving, tampered with, attached.
import { bool } from '../values.ts';
import { MEANING } from './keys.ts';

export function charging(value: unknown): boolean | string {
  const plain = bool(value);
  if (plain !== null && typeof value === 'boolean') return plain;
  if (typeof value !== 'string') return 'not a state of charge';
  if (value === 'OPERATING') return false;
  switch (
    value
      .trim()
      .toUpperCase()
      .replace(/[\s-]+/g, '_')
  ) {
    case 'CHARGING':
    case 'TRUE':
      return true;
    case 'OPERATING':
    case 'DISCHARGING':
    case 'NOT_CHARGING':
    case 'FALSE':
      return false;
    default:
      return 'not a state of charge';
  }
}

/** Explicit states only: a number under `motion` is somebody's counter. */
export function stationary(value: unknown, meaning: number): boolean | string {
  if (typeof value === 'boolean') return meaning === MEANING.stationary ? value : !value;
  if (typeof value !== 'string') return 'not a state of motion';
  switch (value.trim().toLowerCase()) {
    case 'static':
    case 'stationary':
    case 'still':
    case 'stopped':
    case 'not moving':
      return true;
    case 'moving':
    case 'move':
    case 'motion':
    case 'in motion':
      return false;
    case 'true':
      return meaning === MEANING.stationary;
    case 'false':
      return meaning !== MEANING.stationary;
    default:
      return 'not a state of motion';
  }
}

export function tampered(value: unknown): boolean | string {
  const plain = bool(value);
  if (plain !== null) return plain;
  if (typeof value !== 'string') return 'not a state of tampering';
  switch (value.trim().toLowerCase()) {
    case 'tampered':
    case 'tamper':
    case 'open':
    case 'opened':
      return true;
    case 'normal':
    case 'ok':
    case 'secure':
    case 'closed':
    case 'not tampered':
      return false;
    default:
      return 'not a state of tampering';
  }
}

export function attached(value: unknown, meaning: number): boolean | string {
  const plain = bool(value);
  if (plain !== null) return meaning === MEANING.detached ? !plain : plain;
  if (value === 'attached') return true;
  return value === 'detached' ? false : 'not a state of attachment';
}
