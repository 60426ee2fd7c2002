// Matchers: which devices a connection takes. Several are OR-ed; inside one, all tags must be there, in any case.
import type { Matcher } from '../domain/connection.ts';
import type { Concern } from '../domain/ports/broker.ts';
import { devEui } from './values.ts';

/** What matchers look at. */
export interface Matched {
  readonly device: string;
  /** `CustomerData.tags`: a list of texts, or one text. */
  readonly tags: unknown;
  /** `ModelCfg`: "1:TemperatureService, 2:SwissPostDevice". */
  readonly services: unknown;
}

/** More tags than this are no device's. */
const MAX_TAGS = 500;
const MAX_SERVICES_LENGTH = 10_000;

/** Compiled once per definition. Without matchers every device matches. */
export function compileMatchers(matchers: readonly Matcher[]): (matched: Matched) => boolean {
  if (matchers.length === 0) return () => true;
  const devices = new Set<string>();
  // By its first tag each matcher is found from the device's tags, so that the cost follows those and not the matchers.
  const byFirstTag = new Map<string, string[][]>();
  for (const matcher of matchers) {
    if (matcher.type === 'key') {
      const device = devEui(matcher.key.slice('lora:'.length));
      if (device !== null) devices.add(device);
      continue;
    }
    const [first = '', ...others] = matcher.tags.map(normal);
    const known = byFirstTag.get(first);
    if (known === undefined) byFirstTag.set(first, [others]);
    else known.push(others);
  }
  return (matched) => {
    if (devices.has(matched.device)) return true;
    if (byFirstTag.size === 0) return false;
    const tags = tagsOf(matched);
    for (const tag of tags) {
      const candidates = byFirstTag.get(tag);
      if (candidates?.some((others) => others.every((other) => tags.has(other))) === true) return true;
    }
    return false;
  };
}

/** Whom such matchers may take; null: everyone. */
export function concernOf(matchers: readonly Matcher[]): Concern | null {
  if (matchers.length === 0) return null;
  const devices = new Set<string>();
  const tags = new Set<string>();
  for (const matcher of matchers) {
    if (matcher.type === 'thing') tags.add(normal(matcher.tags[0] ?? ''));
    else devices.add(devEui(matcher.key.slice('lora:'.length)) ?? '');
  }
  return { devices, tags };
}

function normal(tag: string): string {
  return tag.trim().toLowerCase();
}

/** In lower case: the customer's tags and the service names, which stand behind "1:" or alone. */
export function tagsOf({ tags, services }: Pick<Matched, 'tags' | 'services'>): ReadonlySet<string> {
  const found = new Set<string>();
  if (Array.isArray(tags)) {
    for (const tag of tags.slice(0, MAX_TAGS)) if (typeof tag === 'string') found.add(normal(tag));
  } else if (typeof tags === 'string') found.add(normal(tags));
  if (typeof services === 'string') for (const service of servicesOf(services)) found.add(service);
  found.delete('');
  return found;
}

/** A fleet has few sets of services: each text is taken apart once. */
const services = new Map<string, readonly string[]>();
const MOST_SERVICES = 200;

function servicesOf(text: string): readonly string[] {
  let names = services.get(text);
  if (names !== undefined) return names;
  names = text
    .slice(0, MAX_SERVICES_LENGTH)
    .split(',')
    .slice(0, MAX_TAGS)
    .map((service) => normal(service.slice(service.indexOf(':') + 1)));
  if (text.length > 500) return names;
  if (services.size >= MOST_SERVICES) services.clear();
  services.set(text, names);
  return names;
}
