// Judges a broker that is defined over the API: its name, its fields, what stands for its stored secrets, where it may be.
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { Compile } from 'typebox/compile';
import {
  BROKER_ADDRESS_PATTERN,
  BROKER_NAME_PATTERN,
  type BrokerDefinition,
  checkBroker,
  destinationOf,
  HIDDEN_FIELDS,
  KafkaDefinitionSchema,
  MqttDefinitionSchema,
  mapFields,
} from '../domain/broker-definition.ts';
import type { FieldError } from '../domain/connection.ts';
import { explain } from '../domain/explain-schema.ts';
import { isPlainObject } from '../domain/plain-object.ts';
import { SECRET_MASK } from './check-semantics.ts';

export type CheckedBroker =
  | { readonly ok: true; readonly definition: BrokerDefinition }
  | { readonly ok: false; readonly errors: readonly FieldError[] };

const NAME = new RegExp(BROKER_NAME_PATTERN);
/** They would be members of every object. */
const NO_NAMES = new Set(['constructor', 'prototype', 'default']);
const schemas = { mqtt: MqttDefinitionSchema, kafka: KafkaDefinitionSchema } as const;
const compiled = { mqtt: Compile(MqttDefinitionSchema), kafka: Compile(KafkaDefinitionSchema) } as const;
const WORDS = {
  [BROKER_NAME_PATTERN]: '1 to 32 of a-z 0-9 -',
  [BROKER_ADDRESS_PATTERN]: 'host:port, as in kafka.example.com:9092',
};
const ELSEWHERE =
  'must be given again: ***** stands for a secret only where the address, its TLS settings and the mechanism stay as they are';
const NO_SECRET = 'must be the secret itself; ***** only stands for one in what the bridge shows';

/** Null: it may be one. */
export function checkBrokerName(name: string): string | null {
  return NAME.test(name) && !NO_NAMES.has(name) ? null : 'must be 1 to 32 of a-z 0-9 -';
}

/** `stored`: the definition in plain whose secrets `*****` stands for; null where nothing is stored. */
export function checkBrokerDefinition(
  name: string | null,
  value: unknown,
  storedOf: () => BrokerDefinition | null,
  checkHosts: (definition: BrokerDefinition) => readonly FieldError[],
): CheckedBroker {
  if (!isPlainObject(value)) return wrong('', 'must be a JSON object');
  const { kind } = value;
  if (kind !== 'mqtt' && kind !== 'kafka') {
    const about = kind === 'embedded' ? '; an embedded broker is of the configuration file' : '';
    return wrong('/kind', `must be mqtt or kafka${about}`);
  }
  if (!compiled[kind].Check(value)) return { ok: false, errors: explain(schemas[kind], value, WORDS) };
  const given = value as BrokerDefinition;
  if (name !== null && given.name !== undefined && given.name !== name) {
    return wrong('/name', `must be "${name}", or be left out`);
  }
  const errors: FieldError[] = [];
  const definition = mapFields(given, HIDDEN_FIELDS, (field, text) => {
    if (text !== SECRET_MASK) return text;
    const stored = storedOf();
    const kept = stored === null ? undefined : field === 'password' ? stored.password : stored.tls?.key;
    const isElsewhere = stored !== null && destinationOf(stored) !== destinationOf(given);
    if (kept !== undefined && !isElsewhere) return kept;
    errors.push({ pointer: `/${field.replace('.', '/')}`, message: kept === undefined ? NO_SECRET : ELSEWHERE });
    return text;
  });
  if (errors.length === 0) errors.push(...checkBroker(definition, isPem));
  if (errors.length === 0) errors.push(...checkHosts(definition));
  return errors.length === 0 ? { ok: true, definition } : { ok: false, errors };
}

function wrong(pointer: string, message: string): CheckedBroker {
  return { ok: false, errors: [{ pointer, message }] };
}

function isPem(part: 'ca' | 'cert' | 'key', text: string): boolean {
  try {
    if (part === 'key') createPrivateKey(text);
    else new X509Certificate(text);
    return true;
  } catch {
    return false;
  }
}
