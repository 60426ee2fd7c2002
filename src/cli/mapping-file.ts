// Overrides of the mapping from a file: a list, or a definition (or its configuration) that has one.
import Type from 'typebox';
import { type MappingDefinition, MappingSchema } from '../domain/connection.ts';
import { BridgeError, EXIT } from '../domain/errors.ts';
import { explain } from '../domain/explain-schema.ts';
import { isPlainObject } from '../domain/plain-object.ts';
import type { CliIo } from './io.ts';
import { nameOf, readJson } from './read-json.ts';

/** Throws `data` (65) naming each wrong field. */
export async function readMapping(io: CliIo, file: string): Promise<readonly MappingDefinition[]> {
  const read = await readJson(io, file);
  const holder = isPlainObject(read) && isPlainObject(read.configuration) ? read.configuration : read;
  const mapping = isPlainObject(holder) ? holder.mapping : holder;
  const { checkMapping } = await import('../uplink/map/check-mapping.ts');
  const errors = explain(Type.Array(MappingSchema, { maxItems: 100 }), mapping, {});
  const told = new Set(errors.map(({ pointer }) => pointer));
  errors.push(...checkMapping(mapping).filter(({ pointer }) => !told.has(pointer)));
  if (errors.length === 0) return mapping as readonly MappingDefinition[];
  const lines = errors.map(({ pointer, message }) => `${pointer || '/'}: ${message}`);
  throw new BridgeError('data', `${nameOf(file)}:\n${lines.join('\n')}`, { exitCode: EXIT.data });
}
