// An uplink as a connection would map it, with the rule behind each field; nothing is sent.

import type { Config } from '../config/config.ts';
import type { MadeConnection } from '../connections/definition.ts';
import type { DefinitionValidator } from '../connections/validate-definition.ts';
import { CONNECTOR_ID, type Connection, type DefinitionRecord } from '../domain/connection.ts';
import type { TrialRequest, Tried, TriedUplink } from '../domain/ports/desk.ts';
import type { UplinkMessage } from '../domain/ports/line.ts';
import { explain } from '../uplink/prepare.ts';

export interface UplinkTrialOptions {
  readonly config: Pick<Config, 'mapping' | 'sources'>;
  readonly record: (id: string) => DefinitionRecord | null;
  readonly validate: DefinitionValidator;
  readonly make: (id: string, record: DefinitionRecord) => MadeConnection;
  readonly now: () => number;
}

export interface UplinkTrial {
  explain(connection: Connection, message: UplinkMessage): TriedUplink;
  tryUplink(request: TrialRequest): Tried;
}

/** Mapping asks for no account. */
const NOBODY = { email: 'nobody@example.com', password: 'none' };

/** `now`: wall-clock ms. */
export function explainUplink(
  config: UplinkTrialOptions['config'],
  connection: Connection,
  message: UplinkMessage,
  now: number,
): TriedUplink {
  const { prepared, fields, notes, notice } = explain(connection, message, now, {
    defaultAccuracyM: config.mapping.defaultAccuracyM,
    maxMessageBytes: config.sources.maxMessageBytes,
  });
  const records = prepared.outcome === null ? prepared.records.map(({ json }) => JSON.parse(json) as unknown) : [];
  return { device: prepared.device, outcome: prepared.outcome, records, fields, notes, notice };
}

export function createUplinkTrial({ config, record, validate, make, now }: UplinkTrialOptions): UplinkTrial {
  const explained = (connection: Connection, message: UplinkMessage): TriedUplink =>
    explainUplink(config, connection, message, now());

  return {
    explain: explained,
    tryUplink({ connectionId, configuration = {}, topic, payload }) {
      const stored = connectionId === undefined ? null : record(connectionId);
      if (connectionId !== undefined && stored === null) {
        return { kind: 'notFound', message: `There is no connection ${connectionId}` };
      }
      const base = stored ?? { connectorId: CONNECTOR_ID, name: 'trial', configuration: NOBODY };
      const validated = validate(connectionId ?? null, {
        ...base,
        configuration: { ...base.configuration, ...configuration },
      });
      const made = validated.ok ? make(connectionId ?? 'trial', validated.record) : validated;
      if (!made.ok) return { kind: 'invalid', errors: made.errors };
      const message = { topic, payload, arrivedAt: now(), retain: false };
      return { kind: 'ok', uplink: explained(made.connection, message) };
    },
  };
}
