// The secrets of a definition: encrypted before it is published, masked in what is shown, kept when `*****` comes back.
import type { DefinitionRecord } from '../domain/connection.ts';
import type { SecretBox } from '../domain/ports/secrets.ts';
import { SECRET_MASK } from './check-semantics.ts';

/** The fields of `configuration` that are secrets. */
export const SECRET_FIELDS = ['password', 'downlinkAsKey'] as const;
export type SecretField = (typeof SECRET_FIELDS)[number];

/** The associated data of a secret: a value copied to another connection or field does not decrypt. */
export function secretContext(id: string, field: SecretField): string {
  return `${id}/${field}`;
}

/** A copy fit for the config topic: plain secrets encrypted, encrypted ones as they are. */
export function encryptSecrets(id: string, record: DefinitionRecord, box: SecretBox): DefinitionRecord {
  return mapSecrets(record, (field, value) =>
    box.isEncrypted(value) ? value : box.encrypt(value, secretContext(id, field)),
  );
}

/** A copy fit for people: each secret is `*****`. */
export function maskSecrets(record: DefinitionRecord): DefinitionRecord {
  return mapSecrets(record, () => SECRET_MASK);
}

/**
 * What `next` says, with the stored secret wherever it says `*****`. Without a stored one the mask stays, and validation
 * refuses it.
 */
export function mergeMasked(previous: DefinitionRecord | null, next: DefinitionRecord): DefinitionRecord {
  return mapSecrets(next, (field, value) =>
    value === SECRET_MASK ? (previous?.configuration[field] ?? value) : value,
  );
}

function mapSecrets(record: DefinitionRecord, map: (field: SecretField, value: string) => string): DefinitionRecord {
  const configuration = { ...record.configuration };
  for (const field of SECRET_FIELDS) {
    const value = configuration[field];
    if (value !== undefined) configuration[field] = map(field, value);
  }
  return { ...record, configuration };
}
