// The kinds of values that the configuration knows: what each allows, in words and as a check, and how it reads from text.
// Reading is strict on purpose: convict's own reading takes "12abc" for 12 and anything but "false" for true.

import { isIP } from 'node:net';

export interface Kind {
  /** Completes the sentence "allowed: …". */
  readonly allowed: string;
  readonly check: (value: unknown) => boolean;
  /** From an environment variable or flag; text that does not read is returned as it is, so that `check` refuses it. */
  readonly parse: (text: string) => unknown;
}

const asIs = (text: string): unknown => text;

export function asJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function matches(allowed: string, pattern: RegExp): Kind {
  return { allowed, check: (value) => typeof value === 'string' && pattern.test(value), parse: asIs };
}

/** Text without control characters, which would break lines and topics. */
export function text(maxLength: number, allowed = `text of 1 to ${maxLength} characters`): Kind {
  return {
    allowed,
    check: (value) =>
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
      typeof value === 'string' && value.length >= 1 && value.length <= maxLength && !/[\u0000-\u001f]/.test(value),
    parse: asIs,
  };
}

export const filePath = text(4096, 'the path of a file');
export const folderPath = text(4096, 'the path of a folder');
export const host = matches('a host name or an IP address', /^[A-Za-z0-9._:-]{1,253}$/);
export const workerId = matches('1 to 64 of A-Z a-z 0-9 . _ -', /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/);

export const name = matches('1 to 32 of a-z 0-9 -', /^[a-z0-9][a-z0-9-]{0,31}$/);

/** Kafka's own rule for names. */
export const kafkaTopic = matches('1 to 249 of A-Z a-z 0-9 . _ -', /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}$/);
export const topicPrefix = matches(
  'a topic without wildcards, not beginning with $, no slash at either end',
  // biome-ignore lint/suspicious/noControlCharactersInRegex: MQTT topics must not have any
  /^[^$/+#\u0000-\u001f]([^+#\u0000-\u001f]{0,98}[^/+#\u0000-\u001f])?$/,
);

export const encryptionKey = matches(
  '32 bytes as 64 hex digits or as base64 (for example from `openssl rand -base64 32`)',
  /^([0-9A-Fa-f]{64}|[A-Za-z0-9+/]{43}=?|[A-Za-z0-9_-]{43}=?)$/,
);

export const encryptionKeys = listOf('keys like secrets.key', 10, encryptionKey.check, /[\s,]+/);

/** What Fastify's `trustProxy` takes, without its forms that believe everybody. */
export const proxies = listOf(
  'IP addresses, networks such as 10.0.0.0/8, or loopback, linklocal, uniquelocal',
  100,
  (item) => ['loopback', 'linklocal', 'uniquelocal'].includes(item) || isAddressOrNetwork(item),
);

export const hostNames = listOf('host names without port', 100, (item) =>
  /^[a-z0-9]([a-z0-9.-]{0,252})$|^\[[0-9a-f:]{2,45}\]$/.test(item),
);

/** Where brokers that are defined over the API may be. */
export const brokerHosts = listOf(
  'of `public` (any public address), addresses, networks such as 10.1.0.0/16, host names, and *.example.com for names below a domain',
  100,
  (item) => isAddressOrNetwork(item) || /^(\*\.)?[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_])?$/i.test(item),
);

/** Exact origins: neither `*` nor `null` nor a pattern. */
export const origins = listOf(
  'origins such as https://console.example.com',
  100,
  (item) => /^https?:\/\//.test(item) && URL.canParse(item) && new URL(item).origin === item,
);

export const claimPath = matches(
  'the name of a claim, with dots into objects',
  /^[A-Za-z0-9_:/-]{1,128}(\.[A-Za-z0-9_:/-]{1,128}){0,5}$/,
);

function isAddressOrNetwork(item: string): boolean {
  const [address = '', bits, ...more] = item.split('/');
  const version = isIP(address);
  if (version === 0 || more.length > 0) return false;
  return (
    bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) > 0 && Number(bits) <= (version === 4 ? 32 : 128))
  );
}

export function listOf(what: string, max: number, check: (item: string) => boolean, separator = /\s*,\s*/): Kind {
  return {
    allowed: `a list of up to ${max} ${what}, in a variable separated by commas or as JSON`,
    check: (value) =>
      Array.isArray(value) && value.length <= max && value.every((item) => typeof item === 'string' && check(item)),
    parse: (text) =>
      text.trimStart().startsWith('[')
        ? asJson(text)
        : text
            .trim()
            .split(separator)
            .filter((item) => item !== ''),
  };
}

export function wholeNumber(min: number, max: number): Kind {
  return {
    allowed: `a whole number from ${min} to ${max}`,
    check: (value) => Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max,
    parse: (text) => (/^-?\d{1,16}$/.test(text.trim()) ? Number(text) : text),
  };
}

export function amount(min: number, max: number): Kind {
  return {
    allowed: `a number from ${min} to ${max}`,
    check: (value) => typeof value === 'number' && value >= min && value <= max,
    parse: (text) => (/^-?\d{1,16}(\.\d{1,16})?$/.test(text.trim()) ? Number(text) : text),
  };
}

const DURATION = /^(?=.)(?:(\d{1,5})d)?(?:(\d{1,6})h)?(?:(\d{1,8})m)?(?:(\d{1,9})s)?$/;

/** Milliseconds; null: it is none. */
export function durationMs(text: string): number | null {
  const parts = DURATION.exec(text);
  if (parts === null) return null;
  const [days = 0, hours = 0, minutes = 0, seconds = 0] = parts.slice(1).map((part) => Number(part ?? 0));
  return (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000;
}

/** Up to `maxMs`. */
export function duration(allowed: string, maxMs: number): Kind {
  return {
    allowed,
    check: (value) => {
      const ms = typeof value === 'string' ? durationMs(value) : null;
      return ms !== null && ms <= maxMs;
    },
    parse: asIs,
  };
}

export const port = wholeNumber(0, 65_535);

export const yesNo: Kind = {
  allowed: 'true or false',
  check: (value) => typeof value === 'boolean',
  parse: (text) => (text === 'true' ? true : text === 'false' ? false : text),
};

export function oneOf(choices: readonly (string | number)[]): Kind {
  return {
    allowed: choices.join(', '),
    check: (value) => choices.includes(value as string | number),
    parse: (text) => choices.find((choice) => String(choice) === text) ?? text,
  };
}

/** Credentials in a URL end up in logs and process lists: they are refused where there are keys of their own for them. */
export function url(protocols: readonly string[], what: 'address' | 'proxy'): Kind {
  const forms = protocols.map((protocol) => `${protocol}//`).join(', ');
  return {
    allowed: `a URL with ${forms}${what === 'proxy' ? '' : ', without user name, password and query'}`,
    check: (value) => {
      if (typeof value !== 'string' || value.length > 2048 || !URL.canParse(value)) return false;
      const { protocol, hostname, username, password, search, hash } = new URL(value);
      if (!protocols.includes(protocol) || hostname === '') return false;
      return what === 'proxy' || `${username}${password}${search}${hash}` === '';
    },
    parse: asIs,
  };
}

/** MQTT topic filters: `+` stands for a whole level, `#` for the rest and only at the end. */
function isTopicFilter(value: unknown): boolean {
  if (typeof value !== 'string' || value.length === 0 || value.length > 512 || value.includes('\u0000')) return false;
  const levels = value.split('/');
  return levels.every(
    (level, index) =>
      level === '+' || (level === '#' && index === levels.length - 1) || (!level.includes('+') && !level.includes('#')),
  );
}

export const topicFilters: Kind = {
  allowed: 'a list of 1 to 100 MQTT topic filters, in a variable separated by commas or as JSON',
  check: (value) => Array.isArray(value) && value.length >= 1 && value.length <= 100 && value.every(isTopicFilter),
  parse: (text) => (text.trimStart().startsWith('[') ? asJson(text) : text.split(',').map((item) => item.trim())),
};

const ADDRESS = /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]{1,253}):([1-9]\d{0,4})$/;

export const addresses: Kind = {
  allowed: 'a list of 1 to 100 host:port, in a variable separated by commas or as JSON',
  check: (value) =>
    Array.isArray(value) &&
    value.length >= 1 &&
    value.length <= 100 &&
    value.every((item) => typeof item === 'string' && ADDRESS.test(item) && Number(item.split(':').at(-1)) <= 65_535),
  parse: (text) => (text.trimStart().startsWith('[') ? asJson(text) : text.split(',').map((item) => item.trim())),
};

function isUser(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { username, password, publish = [], subscribe = [], ...rest } = value as Record<string, unknown>;
  const fits = (part: unknown): boolean => typeof part === 'string' && part.length >= 1 && part.length <= 256;
  const lists = [publish, subscribe];
  if (!lists.every((list) => Array.isArray(list) && list.length <= 100 && list.every(isTopicFilter))) return false;
  // The name takes a place in a topic.
  const isNamed = lists.some((list) => JSON.stringify(list).includes('{username}'));
  const isLevel = typeof username === 'string' && !/[/+#\0]/.test(username);
  return fits(username) && fits(password) && (isLevel || !isNamed) && Object.keys(rest).length === 0;
}

export const users: Kind = {
  allowed:
    'a list of up to 1000 {"username": …, "password": …}, each user name once, with `publish` and `subscribe` (topic filters, `{username}` in them) where it may not do everything; in a variable as JSON',
  check: (value) =>
    Array.isArray(value) &&
    value.length <= 1000 &&
    value.every(isUser) &&
    new Set(value.map((user: { username: string }) => user.username)).size === value.length,
  parse: asJson,
};
