// Definitions as the command line checks and reads them: the schema, the rules beyond it, and the line's own grammars.
import type { DefinitionValidator } from '../connections/validate-definition.ts';
import type { Connection } from '../domain/connection.ts';
import { BridgeError, EXIT } from '../domain/errors.ts';
import type { SecretBox } from '../domain/ports/secrets.ts';
import type { CliIo } from './io.ts';
import { nameOf, readJson } from './read-json.ts';

/** Names of brokers and services are the worker's affair: any will do here. */
export async function definitionValidator(): Promise<DefinitionValidator> {
  const { createDefinitionValidator } = await import('../connections/validate-definition.ts');
  const { checkTopicPattern } = await import('../uplink/topic-pattern.ts');
  const { checkValidity } = await import('../uplink/validity.ts');
  const { checkMapping } = await import('../uplink/map/check-mapping.ts');
  return createDefinitionValidator({ checkTopicPattern, checkValidity, checkMapping });
}

/** Nothing here needs the secrets: encrypted ones stay as they are. */
const NO_SECRETS: SecretBox = {
  encrypt: (plain) => plain,
  decrypt: (value) => value,
  isEncrypted: () => false,
  hmac: () => '',
};

const STANDARD_PATTERN = 'mqtt/things/{DevEUI}/uplink';

/** Throws `data` (65) naming each wrong field. `file` null: a connection with every default. */
export async function readConnection(io: CliIo, file: string | null): Promise<Connection> {
  const { makeConnection } = await import('../connections/definition.ts');
  const { compileTopicPattern } = await import('../uplink/topic-pattern.ts');
  const { parseValidity } = await import('../uplink/validity.ts');
  const value = file === null ? DEFAULTS : await readJson(io, file);
  const verdict = (await definitionValidator())(null, value);
  if (!verdict.ok) throw wrongDefinition(file ?? '-', verdict.errors);
  const made = makeConnection(verdict.record.id ?? 'map', verdict.record, NO_SECRETS, {
    broker: 'main',
    service: 'here',
    topics: [compileTopicPattern(STANDARD_PATTERN).subscription],
    uplinkTopicPattern: STANDARD_PATTERN,
    downlinkTopicPattern: () => 'mqtt/things/{DevEUI}/downlink',
    from: 'now',
    parseValidity: (text) => {
      const parsed = parseValidity(text);
      return parsed.ok ? parsed.ms : Number.POSITIVE_INFINITY;
    },
    topicFilter: (pattern) => compileTopicPattern(pattern).subscription,
  });
  if (!made.ok) throw wrongDefinition(file ?? '-', made.errors);
  return made.connection;
}

const DEFAULTS = {
  connectorId: 'actility-here-iot',
  name: 'map',
  configuration: { email: 'nobody@example.com', password: 'none' },
};

function wrongDefinition(file: string, errors: readonly { pointer: string; message: string }[]): BridgeError {
  const lines = errors.map(({ pointer, message }) => `${nameOf(file)}: ${pointer || '/'}: ${message}`);
  return new BridgeError('data', lines.join('\n'), { exitCode: EXIT.data });
}
