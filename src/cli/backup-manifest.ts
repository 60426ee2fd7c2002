// The first entry of a backup, `manifest.json`: what is in it, and what it needs.
import { BridgeError, EXIT } from '../domain/errors.ts';
import type { Manifest } from './manifest-schema.ts';

export const MANIFEST = 'manifest.json';
export const FORMAT = 1;
export const MAX_MANIFEST_BYTES = 1024 ** 3;

/** Nothing else is written by a restore, so that an archive cannot reach out of the data directory. */
const NAME =
  /^(bridge\.db|broker-[A-Za-z0-9][A-Za-z0-9_.-]*\.db|secret\.key|journals\/[A-Za-z0-9][A-Za-z0-9_.-]{0,62}\/\d{16}-[0-9a-f]{8}\.seg)$/;

/** Rejects with a BridgeError: `data` (65), `storeTooNew` (78). */
export async function readManifest(json: string): Promise<Manifest> {
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
  const { isManifest } = await import('./manifest-schema.ts');
  if (!isManifest(value)) throw notOurs('its manifest is not what a bridge writes');
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
