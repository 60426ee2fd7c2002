// Encryption of secrets in definitions and in the store (design point 11).

export interface SecretBox {
  /** `enc:v1:<key id>:<base64url>`; `context` (connection id + field, or account) is the associated data. */
  encrypt(plain: string, context: string): string;
  /** Plain text that is not in that form is returned as it is. Throws a BridgeError `secretUnreadable` for a wrong key or context. */
  decrypt(value: string, context: string): string;
  isEncrypted(value: string): boolean;
  /** Keyed hash for "is this the pair that was refused?" without keeping the pair. Hex. */
  hmac(value: string): string;
}
