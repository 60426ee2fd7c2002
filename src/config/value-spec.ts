// How a value of the configuration is described, and how its name becomes a variable.
import { filePath, type Kind } from './value-kinds.ts';

export interface ValueSpec extends Kind {
  /** Dotted; `<name>` stands for the name of a broker or service. */
  readonly key: string;
  /** `<NAME>` stands for that name in capitals, with `_` for `-`. */
  readonly env: string;
  /** Standard variables that count when `env` is not set. */
  readonly otherEnv: readonly string[];
  readonly default: unknown;
  /** In words, where the default is derived from other values. */
  readonly defaultText: string | null;
  readonly nullable: boolean;
  readonly meaning: string;
  /** Never shown. */
  readonly secret: boolean;
  /** This value is the path of a file whose content is the value of that (secret) key. */
  readonly contentOf: string | null;
  readonly flag: string | null;
}

interface Extra {
  readonly nullable?: boolean;
  readonly secret?: boolean;
  readonly flag?: string;
  readonly defaultText?: string;
  readonly otherEnv?: readonly string[];
}

/** Maps whose entries the operator names; the schema of an entry is made for each name that is found. */
export const MAP_KEYS = ['brokers', 'here.services'] as const;
export type MapKey = (typeof MAP_KEYS)[number];

export function envName(key: string): string {
  const words = key.replace(/([a-z0-9])([A-Z])/g, '$1_$2').replace(/[.-]/g, '_');
  return `HERE_BRIDGE_${words.toUpperCase()}`;
}

/** One value; for a secret also the value that names a file with its content. */
export function value(key: string, kind: Kind, fallback: unknown, meaning: string, extra: Extra = {}): ValueSpec[] {
  const spec: ValueSpec = {
    ...kind,
    key,
    env: envName(key),
    otherEnv: extra.otherEnv ?? [],
    default: fallback,
    defaultText: extra.defaultText ?? null,
    nullable: extra.nullable ?? fallback === null,
    meaning,
    secret: extra.secret ?? false,
    contentOf: null,
    flag: extra.flag ?? null,
  };
  if (!spec.secret || key.startsWith('here.proxy.')) return [spec];
  const file = `${key}File`;
  const about = `A file that holds \`${key}\` (a Docker or Kubernetes secret).`;
  const named = { key: file, env: envName(file), meaning: about, contentOf: key };
  const plain = { default: null, defaultText: null, nullable: true, secret: false, otherEnv: [], flag: null };
  return [spec, { ...spec, ...filePath, ...named, ...plain }];
}
