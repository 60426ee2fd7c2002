// Makes whatever is to be logged safe: secrets masked, texts cut, depth and number of entries bounded.
import { MASK, redactText } from '../domain/redact-text.ts';

export { MASK, redactText };

/** Names of values that are never shown, compared without case and separators. */
const SECRET_NAME =
  /^(.*password|.*passwd|pwd|.*secret|.*secretkey|.*accesskey|.*token|.*authorization|.*cookie|downlinkaskey|downlinkurl|lrnkey|.*credentials?|apikey|privatekey|encryptionkey)$/;
const MAX_DEPTH = 6;
const MAX_VALUES = 200;

function isSecretName(name: string): boolean {
  return name.length <= 100 && SECRET_NAME.test(name.toLowerCase().replace(/[^a-z]/g, ''));
}

/** A bounded copy: what is too deep or too many is left out and marked with `…`. */
export function redact(value: unknown): unknown {
  return new Copy().of(value, 0);
}

class Copy {
  /** Counted over the whole value, because entries to the power of the depth would be far too many. */
  #left = MAX_VALUES;

  of(value: unknown, depth: number): unknown {
    if (typeof value === 'string') return redactText(value);
    if (typeof value === 'bigint') return value.toString();
    if (typeof value !== 'object' || value === null) return value;
    if (depth >= MAX_DEPTH || this.#left <= 0) return '…';
    if (value instanceof Error) return this.#error(value, depth);
    if (ArrayBuffer.isView(value)) return `(${value.byteLength} bytes)`;
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
    return Array.isArray(value) ? this.#list(value, depth) : this.#entries(value, depth);
  }

  #list(list: readonly unknown[], depth: number): unknown[] {
    const copy: unknown[] = [];
    for (const item of list) {
      if (this.#left-- <= 0) return [...copy, `… (${list.length} entries)`];
      copy.push(this.of(item, depth + 1));
    }
    return copy;
  }

  #entries(value: object, depth: number): Record<string, unknown> {
    const copy: Record<string, unknown> = {};
    for (const [key, item] of Object.entries(value)) {
      if (this.#left-- <= 0) {
        copy['…'] = 'and more';
        break;
      }
      const isSecret = isSecretName(key) && item !== null && item !== undefined;
      // Assigning to `__proto__` would change the copy's prototype.
      copy[key === '__proto__' ? '(__proto__)' : key.slice(0, 200)] = isSecret ? MASK : this.of(item, depth + 1);
    }
    return copy;
  }

  #error(error: Error, depth: number): Record<string, unknown> {
    const { code } = error as NodeJS.ErrnoException;
    return {
      type: error.name,
      message: redactText(error.message),
      ...(code === undefined ? {} : { code }),
      stack: redactText(error.stack ?? ''),
      ...(error.cause === undefined ? {} : { cause: this.of(error.cause, depth + 1) }),
    };
  }
}
