// The first entry of a backup, `manifest.json`: what is in it, and what it needs.
import Type, { type Static } from 'typebox';
import Value from 'typebox/value';
import { BridgeError, EXIT } from '../domain/errors.ts';

export const MANIFEST = 'manifest.json';
export const FORMAT = 1;
export const MAX_MANIFEST_BYTES = 1024 ** 3;

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

/** Nothing else is written by a restore, so that an archive cannot reach out of the data directory. */
const NAME =
  /^(bridge\.db|broker-[A-Za-z0-9][A-Za-z0-9_.-]*\.db|secret\.key|journals\/[A-Za-z0-9][A-Za-z0-9_.-]{0,62}\/\d{16}-[0-9a-f]{8}\.seg)$/;

/** Throws a BridgeError: `data` (65), `storeTooNew` (78). */
export function readManifest(json: string): Manifest {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    value = null;
  }
  const format = (value as { format?: unknown } | null)?.format;
  if (typeof format === 'number' && format > FORMAT) {
    const message = `The backup is of a newer bridge: its format is ${format}, this bridge knows ${FORMAT}. Restore it with that one.`;
    throw new BridgeError('storeTooNew', message, { exitCode: EXIT.config });
  }
  if (!Value.Check(Manifest, value)) throw notOurs('its manifest is not what a bridge writes');
  const names = new Set(value.files.map(({ name }) => name));
  if (names.size !== value.files.length || !names.has('bridge.db')) throw notOurs('its list of files is not sound');
  for (const name of names)
    if (!NAME.test(name)) throw notOurs(`it names a file ${JSON.stringify(name.slice(0, 100))}`);
  return value;
}

export function notOurs(why: string): BridgeError {
  return new BridgeError('data', `This is no backup of a bridge: ${why}`, { exitCode: EXIT.data });
}

/** What a person has to have besides the backup. */
export function keyNeeded({ keys }: Manifest, dataDir: string): string {
  const ids = [keys.current, ...keys.former].join(', ');
  if (keys.isIncluded)
    return `The key that seals its secrets (${ids}) is in it: keep it as safe as the passwords themselves.`;
  return keys.isGenerated
    ? `Its secrets need the key ${ids}: put the file secret.key that was beside them at ${dataDir}/secret.key (mode 0600) before the bridge starts.`
    : `Its secrets need the key ${ids}: the one that was configured as secrets.key (and secrets.formerKeys).`;
}
