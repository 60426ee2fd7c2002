// Secrets of a defined broker, sealed for the address that they are meant for: whoever may write to the config topic can copy a
// sealed password, but not have it sent to another host, or without TLS.
import { createHash } from 'node:crypto';
import {
  type BrokerDefinition,
  destinationOf,
  HIDDEN_FIELDS,
  mapFields,
  SEALED_FIELDS,
  type SealedField,
} from '../domain/broker-definition.ts';
import type { SecretBox } from '../domain/ports/secrets.ts';

/** Public, and part of what secrets are bound to: they are opened first. */
const CERTIFICATES = ['tls.ca', 'tls.cert'] as const;

export function sealBroker(box: SecretBox, name: string, plain: BrokerDefinition): BrokerDefinition {
  const seal = (field: SealedField, value: string): string => box.encrypt(value, contextOf(name, field, plain));
  return mapFields(plain, SEALED_FIELDS, seal);
}

/**
 * In plain. `takesUnbound`: also what was sealed before secrets were bound to an address, which `sealBroker` then binds.
 * Throws a BridgeError `secretUnreadable`.
 */
export function unsealBroker(
  box: SecretBox,
  name: string,
  sealed: BrokerDefinition,
  takesUnbound: boolean,
): BrokerDefinition {
  const open = (given: BrokerDefinition) => (field: SealedField, value: string) => {
    if (typeof value !== 'string' || !box.isEncrypted(value)) return value;
    try {
      return box.decrypt(value, contextOf(name, field, given));
    } catch (error) {
      if (!takesUnbound) throw error;
      return box.decrypt(value, unboundContextOf(name, field));
    }
  };
  const readable = mapFields(sealed, CERTIFICATES, open(sealed));
  return mapFields(readable, HIDDEN_FIELDS, open(readable));
}

function contextOf(name: string, field: SealedField, definition: BrokerDefinition): string {
  const isHidden = field === 'password' || field === 'tls.key';
  if (!isHidden) return unboundContextOf(name, field);
  const digest = createHash('sha256').update(destinationOf(definition)).digest('base64url');
  return `${unboundContextOf(name, field)} for the address and TLS settings ${digest}`;
}

function unboundContextOf(name: string, field: SealedField): string {
  return `broker ${name}/${field}`;
}
