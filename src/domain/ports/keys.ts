// What is asked of the secret keys while the bridge runs: which are in use, and a rotation.
import type { Asker } from './access.ts';

export interface KeysView {
  /** Seals everything new. */
  readonly keyId: string;
  /** Only read. */
  readonly formerIds: readonly string[];
  /** In the data directory; else of the configuration. */
  readonly isGenerated: boolean;
  /** Definitions by the key that they need; `plain` of other producers, who encrypt nothing. */
  readonly definitions: Readonly<Record<string, number>>;
}

export interface RotationView {
  readonly keyId: string;
  readonly formerIds: readonly string[];
  /** Definitions that were sealed anew. */
  readonly renewed: number;
  /** Those that were not, and why; a rotation can be repeated. */
  readonly failed: readonly { readonly id: string; readonly message: string }[];
}

export type KeyOutcome<T> =
  | { readonly kind: 'ok'; readonly value: T }
  | { readonly kind: 'notFound' }
  | { readonly kind: 'refused'; readonly message: string };

export interface KeyControl {
  view(): KeysView;
  /** A generated key is replaced by a new one; then, in any case, all that needs another key is sealed with the current one. */
  rotate(asker: Asker): Promise<KeyOutcome<RotationView>>;
  /** Drops a former key that no definition needs. */
  forget(asker: Asker, id: string): KeyOutcome<KeysView>;
}
