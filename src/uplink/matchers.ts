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
    let all: ReadonlySet<string> | null = null;
    for (const tag of tagList(matched)) {
      for (const others of byFirstTag.get(tag) ?? NO_CANDIDATES) {
        if (others.length === 0) return true;
        all ??= tagsOf(matched);
        if (others.every((other) => all?.has(other) === true)) return true;
      }
    }
    return false;
  };
}

const NO_CANDIDATES: readonly string[][] = [];

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
export function tagsOf(matched: Pick<Matched, 'tags' | 'services'>): ReadonlySet<string> {
  return new Set(tagList(matched));
}

function tagList({ tags, services }: Pick<Matched, 'tags' | 'services'>): readonly string[] {
  const found: string[] = [];
  if (Array.isArray(tags)) {
    for (let i = 0; i < tags.length && i < MAX_TAGS; i++) if (typeof tags[i] === 'string') add(found, normal(tags[i]));
  } else if (typeof tags === 'string') add(found, normal(tags));
  if (typeof services === 'string') for (const service of servicesOf(services)) add(found, service);
  return found;
}

function add(tags: string[], tag: string): void {
  if (tag !== '') tags.push(tag);
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
