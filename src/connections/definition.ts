// Makes a connection of a validated definition: defaults, normal forms, decrypted secrets.
import type { Connection, DefinitionRecord, FieldError, UplinkFormat } from '../domain/connection.ts';
import type { SecretBox } from '../domain/ports/secrets.ts';
import { type SecretField, secretContext } from './definition-secrets.ts';

/** What the worker's configuration says where a definition says nothing, and grammars of other parts of the bridge. */
export interface DefinitionDefaults {
  readonly broker: string;
  readonly service: string;
  /** MQTT topic filters, and the pattern that finds a DevEUI in such a topic (null: none does). */
  readonly topics: readonly string[];
  readonly uplinkTopicPattern: string | null;
  readonly downlinkTopicPattern: (broker: string) => string;
  readonly from: 'now' | 'earliest';
  /** ms of a text that the validator has taken. */
  readonly parseValidity: (text: string) => number;
  /** The MQTT topic filter that subscribes to a pattern: `+` in each level with a placeholder. */
  readonly topicFilter: (pattern: string) => string;
}

export type MadeConnection =
  | { readonly ok: true; readonly connection: Connection }
  | { readonly ok: false; readonly errors: readonly FieldError[] };

/** Never throws: a secret that cannot be decrypted is the connection's own error. */
export function makeConnection(
  id: string,
  record: DefinitionRecord,
  box: SecretBox,
  defaults: DefinitionDefaults,
): MadeConnection {
  const errors: FieldError[] = [];
  const secret = (field: SecretField): string | null => {
    const value = record.configuration[field];
    if (value === undefined) return null;
    try {
      return box.decrypt(value, secretContext(id, field));
    } catch {
      errors.push({
        pointer: `/configuration/${field}`,
        message:
          "cannot be decrypted: it was encrypted with another key or for another connection; set it anew, or give this worker the writer's key",
      });
      return null;
    }
  };
  const password = secret('password');
  const asKey = secret('downlinkAsKey');
  if (errors.length > 0) return { ok: false, errors };

  const { configuration } = record;
  const source = configuration.source ?? {};
  const topics = source.topics ?? null;
  const given = configuration.uplinkTopicPattern ?? null;
  try {
    const connection: Connection = {
      id,
      name: record.name,
      active: record.active ?? true,
      revision: record.revision ?? null,
      restart: record.restart ?? null,
      account: {
        service: configuration.service ?? defaults.service,
        realm: configuration.realm ?? null,
        // HERE takes e-mail addresses in any case: one form, so that one account is one session.
        email: configuration.email.trim().toLowerCase(),
        password: password ?? '',
      },
      appId: blankToNull(configuration.appId),
      description: configuration.description ?? '',
      createDevices: configuration.createDevices ?? true,
      maxDevices: configuration.maxDevices ?? null,
      format: formatOf(record),
      uplinkTimeValidityMs:
        configuration.uplinkTimeValidity === undefined
          ? null
          : defaults.parseValidity(configuration.uplinkTimeValidity),
      reconnectStrategy: configuration.reconnectStrategy ?? 'NORMAL',
      source: {
        broker: source.broker ?? defaults.broker,
        topics: topics ?? (given === null ? defaults.topics : [defaults.topicFilter(given)]),
        topicPattern: given ?? (topics === null ? defaults.uplinkTopicPattern : null),
        matchers: source.matchers ?? [],
        from: source.from ?? defaults.from,
      },
      mapping: configuration.mapping,
      downlink: {
        enabled: configuration.downlinkEnabled ?? true,
        asId: configuration.downlinkAsId ?? null,
        asKey,
        port: configuration.downlinkPort ?? null,
        template: configuration.downlinkTemplate ?? null,
        topicPattern:
          configuration.downlinkTopicPattern ?? defaults.downlinkTopicPattern(source.broker ?? defaults.broker),
      },
      record,
    };
    return { ok: true, connection };
  } catch {
    // Only a grammar that the validator was not given can get here.
    return {
      ok: false,
      errors: [{ pointer: '/configuration', message: 'has a validity or topic pattern in no known form' }],
    };
  }
}

function formatOf(record: DefinitionRecord): UplinkFormat {
  if (record.configuration.sendMetadata === true) return 'flat';
  return record.configuration.sendRawDecodedFormat === true ? 'decoded' : 'enveloped';
}

function blankToNull(text: string | undefined): string | null {
  const trimmed = text?.trim() ?? '';
  return trimmed === '' ? null : trimmed;
}
