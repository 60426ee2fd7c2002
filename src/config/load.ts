// Loads the configuration: gathers all layers, lets convict put them together and check them, and freezes the result.
import convict from 'convict';
import { type Assigned, Collector, check } from './collect.ts';
import type { Config } from './config.ts';
import { ConfigError, type ConfigProblem, showValue } from './problems.ts';
import { complete, findConflicts, type RawConfig } from './rules.ts';
import {
  CONFIG_VARIABLE,
  type Environment,
  type FlagValue,
  readContentFiles,
  readDefaults,
  readEnvironment,
  readFlags,
  readNamedFile,
} from './sources.ts';
import type { ValueSpec } from './value-spec.ts';

export interface LoadOptions {
  /** From `--config`, in order; they come after those of `HERE_BRIDGE_CONFIG` (separated by commas). */
  readonly files?: readonly string[];
  readonly flags?: readonly FlagValue[];
  readonly env: Environment;
  /** Relative paths start here. */
  readonly cwd: string;
}

/** One effective value and where it came from. */
export interface EffectiveValue {
  readonly spec: ValueSpec;
  readonly value: unknown;
  readonly origin: string;
}

export interface LoadedConfig {
  readonly config: Config;
  readonly values: readonly EffectiveValue[];
}

const FORMAT = 'bridge-value';

// The format's name is a string on purpose: for such formats convict leaves text as it is, where with a function it would
// guess a type from the default and read "12abc" as 12.
convict.addFormat({
  name: FORMAT,
  validate(value: unknown, node: convict.SchemaObj) {
    const { spec } = node as unknown as { spec: ValueSpec };
    const fault = check({ spec, value, origin: 'default' });
    if (fault !== null) throw new Error(fault.message);
  },
});

/** Throws a ConfigError that names everything that is wrong. Reads files; connects to nothing. */
export function loadConfig(options: LoadOptions): LoadedConfig {
  const collector = new Collector();
  readDefaults(collector);
  for (const name of (options.env[CONFIG_VARIABLE] ?? '').split(',').map((part) => part.trim())) {
    if (name !== '') readNamedFile(collector, name, options.cwd, CONFIG_VARIABLE);
  }
  for (const name of options.files ?? []) readNamedFile(collector, name, options.cwd, '--config');
  readEnvironment(collector, options.env);
  readFlags(collector, options.flags ?? []);
  readContentFiles(collector, options.cwd);

  const specs = collector.specs().filter((spec) => spec.contentOf === null);
  const { tree, faults } = assemble(specs, collector.assigned);
  const problems = [...collector.problems, ...faults];
  const origin = (key: string): string | null => collector.assigned.get(key)?.origin ?? null;
  const faulty = new Set(faults.map((fault) => fault.key));
  for (const { keys, message } of findConflicts(tree, {
    isGiven: (key) => collector.assigned.has(key),
    cwd: options.cwd,
  })) {
    // Where a value is at fault the default stood in for it: what that leads to is no news.
    if (keys.some((key) => faulty.has(key))) continue;
    const key = keys[0]!;
    const spec = specs.find((candidate) => candidate.key === key);
    const value = spec === undefined ? null : showValue(spec, valueAt(tree, key));
    problems.push({ key, value, message, origin: origin(key) });
  }
  if (problems.length > 0) throw new ConfigError(problems);

  const config = deepFreeze(complete(tree, options.cwd));
  const values = specs.map((spec) => ({
    spec,
    value: valueAt(config, spec.key),
    origin: origin(spec.key) ?? 'default',
  }));
  return { config, values: values.filter(({ value }) => value !== undefined) };
}

/** Given values over defaults. Values at fault are left at their default. */
function assemble(
  specs: readonly ValueSpec[],
  assigned: ReadonlyMap<string, Assigned>,
): { tree: RawConfig; faults: ConfigProblem[] } {
  const schema: Record<string, unknown> = {};
  for (const spec of specs) {
    const node = {
      default: spec.default,
      format: FORMAT,
      env: spec.env,
      doc: spec.meaning,
      sensitive: spec.secret,
      spec,
    };
    put(schema, spec.key, node);
  }
  // The environment and the arguments have been read already, strictly and with their origins.
  const instance = convict(schema as convict.Schema<Record<string, unknown>>, { env: {}, args: [] });
  const faults: ConfigProblem[] = [];
  for (const found of assigned.values()) {
    const fault = check(found);
    if (fault !== null) faults.push(fault);
    else instance.set(found.spec.key, found.value);
  }
  instance.validate({ allowed: 'strict' });
  return { tree: instance.getProperties() as unknown as RawConfig, faults };
}

/** `key` is of the schema, its names checked (see collect.ts): nothing of it is from outside. */
function put(into: Record<string, unknown>, key: string, value: unknown): void {
  const parts = key.split('.');
  const last = parts.pop()!;
  let at = into;
  for (const part of parts) {
    if (!Object.hasOwn(at, part)) at[part] = {};
    at = at[part] as Record<string, unknown>;
  }
  at[last] = value;
}

function valueAt(tree: unknown, key: string): unknown {
  let at = tree;
  for (const part of key.split('.')) at = (at as Record<string, unknown> | null | undefined)?.[part];
  return at;
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) for (const part of Object.values(value)) deepFreeze(part);
  return Object.freeze(value);
}
