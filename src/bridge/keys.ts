// Rotation of the secret key: what is on the config topic is sealed anew with the current key, one definition after the other, each as a
// change of its own; so it can be interrupted and repeated, and the line runs on. Old keys read until a person drops them.
import { SECRET_FIELDS, type SecretField, secretContext } from '../connections/definition-secrets.ts';
import type { Definitions } from '../connections/definitions.ts';
import { describeError } from '../domain/errors.ts';
import type { Asker, Audit } from '../domain/ports/access.ts';
import type { Control } from '../domain/ports/control.ts';
import type { KeyControl, KeyOutcome, KeysView, RotationView } from '../domain/ports/keys.ts';
import type { KeyRing } from '../domain/ports/secrets.ts';

export interface KeyControlOptions {
  readonly ring: KeyRing;
  readonly definitions: Pick<Definitions, 'ids' | 'record'>;
  readonly control: Pick<Control, 'amend'>;
  /** What else on the config topic is sealed: brokers' secrets. */
  readonly others: { sealed(): readonly string[] };
  /** Seals the users, the brokers, and the word that other workers check their key by, with the current key. */
  readonly reseal: () => Promise<void>;
  readonly audit: Audit;
}

export function createKeyControl(options: KeyControlOptions): KeyControl {
  const { ring, definitions, control, audit } = options;
  let isRotating = false;

  /** The encrypted secrets of a definition. */
  function sealed(id: string): (readonly [SecretField, string])[] {
    const configuration = definitions.record(id)?.configuration;
    return SECRET_FIELDS.flatMap((field) => {
      const value = configuration?.[field];
      return value !== undefined && ring.isEncrypted(value) ? [[field, value] as const] : [];
    });
  }

  function view(): KeysView {
    const counts: Record<string, number> = {};
    for (const id of definitions.ids()) {
      const keys = new Set(sealed(id).map(([, value]) => ring.keyOf(value) ?? 'unreadable'));
      for (const key of keys.size === 0 ? ['plain'] : keys) counts[key] = (counts[key] ?? 0) + 1;
    }
    return { keyId: ring.keyId, formerIds: ring.formerIds, isGenerated: ring.isGenerated, definitions: counts };
  }

  /** Null: it is under the current key already. */
  async function renew(id: string): Promise<'renewed' | 'current' | { readonly message: string }> {
    const old = sealed(id).filter(([, value]) => ring.keyOf(value) !== ring.keyId);
    const record = definitions.record(id);
    if (old.length === 0 || record === null) return 'current';
    try {
      const plain = old.map(([field, value]) => [field, ring.decrypt(value, secretContext(id, field))]);
      // The writer encrypts what is plain.
      const configuration = { ...record.configuration, ...Object.fromEntries(plain) };
      const outcome = await control.amend(id, { configuration });
      if (outcome.kind === 'ok') return 'renewed';
      return { message: 'message' in outcome ? outcome.message : `it is ${outcome.kind}` };
    } catch (error) {
      return { message: describeError(error) };
    }
  }

  async function rotateNow(): Promise<RotationView> {
    if (ring.isGenerated) ring.rotate();
    let renewed = 0;
    const failed: { id: string; message: string }[] = [];
    for (const id of definitions.ids()) {
      const outcome = await renew(id);
      if (outcome === 'renewed') renewed += 1;
      else if (outcome !== 'current') failed.push({ id, message: outcome.message });
    }
    await options.reseal().catch((error: unknown) => {
      failed.push({ id: '(users)', message: describeError(error) });
    });
    return { keyId: ring.keyId, formerIds: ring.formerIds, renewed, failed };
  }

  function note(asker: Asker, action: string, target: string, detail: string): void {
    const { name: who, kind } = asker.principal;
    audit.note({ who, kind, action, target, outcome: 'done', from: asker.from, detail });
  }

  return {
    view,
    async rotate(asker): Promise<KeyOutcome<RotationView>> {
      if (isRotating) return { kind: 'refused', message: 'A rotation is on its way' };
      if (!ring.isGenerated && ring.formerIds.length === 0) return { kind: 'refused', message: CONFIGURED };
      isRotating = true;
      try {
        const value = await rotateNow();
        note(
          asker,
          'key.rotate',
          value.keyId,
          `${value.renewed} definitions sealed anew, ${value.failed.length} failed`,
        );
        return { kind: 'ok', value };
      } finally {
        isRotating = false;
      }
    },
    forget(asker, id) {
      if (!ring.formerIds.includes(id)) return { kind: 'notFound' };
      if (!ring.isGenerated)
        return { kind: 'refused', message: 'It is of the configuration: take it out of secrets.formerKeys' };
      const brokers = options.others.sealed().filter((value) => ring.keyOf(value) === id).length;
      const used = (view().definitions[id] ?? 0) + brokers;
      if (used > 0)
        return {
          kind: 'refused',
          message: `${used} definitions or brokers’ secrets need it: run \`here-bridge keys rotate\` first`,
        };
      ring.forget(id);
      note(asker, 'key.forget', id, 'dropped for good');
      return { kind: 'ok', value: view() };
    },
  };
}

const CONFIGURED =
  'The key is of the configuration (secrets.key): set a new one there, move the present one to secrets.formerKeys, restart all workers, ' +
  'and rotate again: what is on the config topic is then sealed anew';
