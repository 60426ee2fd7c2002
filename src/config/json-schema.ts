// The JSON schema of a configuration file, for editors. The bridge itself checks more: docs/configuration.md says what.
import { VALUES } from './schema.ts';
import type { ValueSpec } from './value-spec.ts';

export const SCHEMA_DIALECT = 'http://json-schema.org/draft-07/schema#';

interface Node {
  readonly type?: 'object';
  description?: string;
  readonly properties?: Record<string, unknown>;
  readonly additionalProperties?: unknown;
}

/** Draft 7, which editors know. */
export function configJsonSchema(): object {
  const root = branch();
  root.properties.$schema = { type: 'string', description: 'The JSON schema of this file, for editors.' };
  for (const spec of VALUES) put(root, spec.key.split('.'), spec);
  return {
    $schema: SCHEMA_DIALECT,
    title: 'Configuration of the HERE Tracking Bridge',
    ...root,
  };
}

interface Branch extends Node {
  readonly type: 'object';
  readonly properties: Record<string, unknown>;
  additionalProperties: unknown;
}

function branch(): Branch {
  return { type: 'object', properties: {}, additionalProperties: false };
}

function put(at: Branch, path: readonly string[], spec: ValueSpec): void {
  const [part, ...rest] = path as [string, ...string[]];
  if (rest.length === 0) {
    at.properties[part] = leaf(spec);
    return;
  }
  // `<name>`: entries that the operator names; null takes one out.
  if (part === '<name>') {
    if (at.additionalProperties === false) at.additionalProperties = { anyOf: [branch(), { type: 'null' }] };
    put((at.additionalProperties as { anyOf: [Branch, unknown] }).anyOf[0], rest, spec);
    return;
  }
  at.properties[part] ??= branch();
  put(at.properties[part] as Branch, rest, spec);
}

/** A default tells the type; where it is null the check in the bridge alone does. */
function leaf(spec: ValueSpec): object {
  const { meaning, allowed, env, nullable } = spec;
  const description = `${meaning.replaceAll('`', '')} Allowed: ${allowed}. Variable: ${env}.`;
  const known = Array.isArray(spec.default) ? 'array' : typeof spec.default;
  const type = spec.default === null ? {} : { type: nullable ? [known, 'null'] : known, default: spec.default };
  return { description, ...type };
}
