// Encryption of secrets in definitions and in the store (design point 11).

export interface SecretBox {
  /** `enc:v1:<key id>:<base64url>`; `context` (connection id + field, or account) is the associated data. */
  encrypt(plain: string, context: string): string;
  /** Plain text that is not in that form is returned as it is. Throws a BridgeError `secretUnreadable` for a wrong key or context. */
  decrypt(value: string, context: string): string;
  isEncrypted(value: string): boolean;
  /** Keyed hash for "is this the pair that was refused?" without keeping the pair. Hex. The same before and after a rotation. */
  hmac(value: string): string;
}

/** The keys of a worker: the current one seals, former ones still read. An id is 8 hex digits and says nothing of the key. */
export interface KeyRing extends SecretBox {
  readonly keyId: string;
  readonly formerIds: readonly string[];
  /** It is in the data directory and not of the configuration: `rotate` and `forget` can be called. */
  readonly isGenerated: boolean;
  /** The key that an encrypted value needs; null: it is in no form of ours. */
  keyOf(value: string): string | null;
  /** Makes a new key; the present one becomes a former one. Throws a BridgeError `keyConfigured`. */
  rotate(): void;
  /** Drops a former key for good; false: there is none of this id. Throws a BridgeError `keyConfigured`. */
  forget(id: string): boolean;
}
