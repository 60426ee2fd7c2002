// What a manifest is. In a file of its own: only a restore needs the library of schemas, and the command line loads every verb.
import Type, { type Static } from 'typebox';
import Value from 'typebox/value';
import { FORMAT } from './backup-manifest.ts';

const KeyId = Type.String({ pattern: '^[0-9a-f]{8}$' });

const Manifest = Type.Object({
  format: Type.Literal(FORMAT),
  version: Type.String(),
  storeVersion: Type.Integer({ minimum: 1 }),
  takenAt: Type.String(),
  keys: Type.Object({
    current: KeyId,
    former: Type.Array(KeyId),
    isGenerated: Type.Boolean(),
    isIncluded: Type.Boolean(),
  }),
  definitions: Type.Record(Type.String(), Type.Unknown()),
  files: Type.Array(Type.Object({ name: Type.String(), bytes: Type.Integer({ minimum: 0 }) })),
});
export type Manifest = Static<typeof Manifest>;

export function isManifest(value: unknown): value is Manifest {
  return Value.Check(Manifest, value);
}
