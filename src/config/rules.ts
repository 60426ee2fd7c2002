// What values must not be combined, and what follows from the values given (kinds, default brokers, absolute paths).
import path from 'node:path';
import {
  brokerConflicts,
  type Conflict,
  completeBroker,
  kindOf,
  type RawBroker,
  type RuleContext,
} from './broker-rules.ts';
import { clusterConflicts, ownershipBroker } from './cluster-rules.ts';
import type { Config, HereServiceConfig } from './config.ts';
import { completeHttp, httpConflicts } from './http-rules.ts';
import { durationMs } from './value-kinds.ts';

/** As it comes from the layers: checked value by value, nothing derived yet. */
export type RawConfig = Omit<Config, 'topics' | 'sources' | 'brokers' | 'here' | 'deadLetters'> & {
  readonly deadLetters: { readonly keepAfterDelete: string };
  readonly topics: { readonly prefix: string; readonly broker: string | null };
  readonly sources: {
    readonly broker: string | null;
    readonly topics: readonly string[];
    readonly maxMessageBytes: number;
  };
  readonly brokers?: Readonly<Record<string, RawBroker>>;
  readonly here: Omit<Config['here'], 'services'> & {
    readonly services?: Readonly<Record<string, Omit<HereServiceConfig, 'url'> & { readonly url: string | null }>>;
  };
};

function defaultBroker(names: readonly string[]): string | null {
  return names.length === 1 ? names[0]! : names.includes('main') ? 'main' : null;
}

export function* findConflicts(raw: RawConfig, context: RuleContext): Generator<Conflict> {
  const brokers = raw.brokers ?? {};
  const names = Object.keys(brokers);
  if (names.length === 0) yield { keys: ['brokers'], message: 'there must be at least one broker' };
  for (const [name, broker] of Object.entries(brokers)) yield* brokerConflicts(`brokers.${name}`, broker, context);
  for (const key of ['topics.broker', 'sources.broker'] as const) {
    const wanted = key === 'topics.broker' ? raw.topics.broker : raw.sources.broker;
    if (wanted === null && names.length > 0 && defaultBroker(names) === null) {
      yield { keys: [key], message: `there are several brokers and none is "main": name one of ${names.join(', ')}` };
    } else if (wanted !== null && !names.includes(wanted)) {
      yield { keys: [key], message: `there is no such broker; allowed: ${names.join(', ')}` };
    }
  }
  yield* topicConflicts(raw, names);
  yield* hereConflicts(raw);
  yield* portConflicts(raw, brokers);
  yield* httpConflicts(raw.http, context);
  yield* clusterConflicts(clusterOf(raw, names));
  if (raw.downlinks.pollMinMs > raw.downlinks.pollMaxMs) {
    const message = `must not be more than downlinks.pollMaxMs (${raw.downlinks.pollMaxMs})`;
    yield { keys: ['downlinks.pollMinMs', 'downlinks.pollMaxMs'], message };
  }
  if (raw.delivery.retryMinMs > raw.delivery.retryMaxMs) {
    const message = `must not be more than delivery.retryMaxMs (${raw.delivery.retryMaxMs})`;
    yield { keys: ['delivery.retryMinMs', 'delivery.retryMaxMs'], message };
  }
  if (raw.sources.maxMessageBytes > raw.budgets.windowMaxBytes) {
    const message = `must not be more than budgets.windowMaxBytes (${raw.budgets.windowMaxBytes})`;
    yield { keys: ['sources.maxMessageBytes', 'budgets.windowMaxBytes'], message };
  }
}

/** The bridge's own topics as uplinks would be a loop: each would become a dead letter, and its event the next uplink. */
function* topicConflicts(raw: RawConfig, names: readonly string[]): Generator<Conflict> {
  const config = raw.topics.broker ?? defaultBroker(names);
  const carrier = raw.brokers?.[config ?? ''];
  if (carrier !== undefined && kindOf(carrier) === 'kafka' && !/^[A-Za-z0-9._/-]+$/.test(raw.topics.prefix)) {
    const message = 'on Kafka it may have letters, digits, . _ - and slashes only';
    yield { keys: ['topics.prefix', 'topics.broker'], message };
  }
  if (config !== (raw.sources.broker ?? defaultBroker(names))) return;
  const loop = raw.sources.topics.find((filter) => overlaps(filter.split('/'), [...raw.topics.prefix.split('/'), '#']));
  if (loop === undefined) return;
  const message = `${JSON.stringify(loop)} would take in the bridge's own topics under topics.prefix`;
  yield { keys: ['sources.topics', 'topics.prefix', 'topics.broker', 'sources.broker'], message };
}

function overlaps(a: readonly string[], b: readonly string[]): boolean {
  for (let i = 0; ; i++) {
    if (a[i] === '#' || b[i] === '#') return true;
    if (a[i] === undefined || b[i] === undefined) return a[i] === b[i];
    if (a[i] !== b[i] && a[i] !== '+' && b[i] !== '+') return false;
  }
}

function* hereConflicts(raw: RawConfig): Generator<Conflict> {
  const services = raw.here.services ?? {};
  const names = Object.keys(services);
  if (!names.includes(raw.here.defaultService)) {
    yield { keys: ['here.defaultService'], message: `there is no such service; allowed: ${names.join(', ')}` };
  }
  for (const name of names) {
    const key = `here.services.${name}.url` as const;
    if (services[name]!.url === null) yield { keys: [key], message: 'a service needs a url' };
    const { concurrency, minConcurrency } = services[name]!;
    if (minConcurrency > concurrency) {
      const keys = [`here.services.${name}.minConcurrency`, `here.services.${name}.concurrency`] as const;
      yield { keys, message: `must not be more than its concurrency (${concurrency})` };
    }
  }
}

function* portConflicts(raw: RawConfig, brokers: Readonly<Record<string, RawBroker>>): Generator<Conflict> {
  const used = new Map<number, string>([[raw.http.port, 'http.port']]);
  const others: [string, number][] = [['admin.port', raw.admin.port]];
  for (const [name, broker] of Object.entries(brokers)) {
    if (kindOf(broker) === 'embedded') others.push([`brokers.${name}.port`, broker.port]);
  }
  for (const [key, port] of others) {
    const other = used.get(port);
    if (port !== 0 && other !== undefined) yield { keys: [key, other], message: `is the port of ${other} already` };
    used.set(port, key);
  }
}

function clusterOf(raw: RawConfig, names: readonly string[]) {
  const { roles, ownership } = raw;
  const topicsBroker = raw.topics.broker ?? defaultBroker(names);
  return { roles, ownership, topicsBroker, kinds: mapValues(raw.brokers ?? {}, kindOf) };
}

/** Only for a configuration without conflicts. */
export function complete(raw: RawConfig, cwd: string): Config {
  const fallback = defaultBroker(Object.keys(raw.brokers!))!;
  return {
    ...raw,
    dataDir: path.resolve(cwd, raw.dataDir),
    topics: { ...raw.topics, broker: raw.topics.broker ?? fallback },
    ownership: { ...raw.ownership, broker: ownershipBroker(clusterOf(raw, Object.keys(raw.brokers!))) },
    http: completeHttp(raw.http, cwd),
    deadLetters: { ...raw.deadLetters, keepAfterDeleteMs: durationMs(raw.deadLetters.keepAfterDelete) ?? 0 },
    sources: { ...raw.sources, broker: raw.sources.broker ?? fallback },
    brokers: mapValues(raw.brokers!, (broker) => completeBroker(broker, cwd)),
    here: {
      ...raw.here,
      services: mapValues(raw.here.services!, (service) => ({
        ...service,
        url: withoutSlash(service.url!),
        scopedUrl: service.scopedUrl === null ? null : withoutSlash(service.scopedUrl),
      })),
    },
  };
}

function withoutSlash(url: string): string {
  return url.replace(/\/+$/, '');
}

function mapValues<A, B>(map: Readonly<Record<string, A>>, change: (value: A) => B): Readonly<Record<string, B>> {
  return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, change(value)]));
}
