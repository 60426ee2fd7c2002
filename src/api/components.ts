// Schemas with a name: the OpenAPI document refers to them instead of repeating them.
import type { TSchema } from 'typebox';

const names = new Map<TSchema, string>();

/** Names must be unique; the schema is returned as it is. */
export function component<Schema extends TSchema>(name: string, schema: Schema): Schema {
  names.set(schema, name);
  return schema;
}

export function componentName(schema: unknown): string | null {
  return names.get(schema as TSchema) ?? null;
}
