// What a connection looks like in answers, and what requests about connections may hold.
import Type, { type Static } from 'typebox';
import { AlarmSchema, CONNECTION_STATES, CONNECTOR_ID, ConfigurationSchema } from '../domain/connection.ts';
import { isPlainObject } from '../domain/plain-object.ts';
import { component } from './components.ts';
import { described } from './connection-words.ts';
import { ConnectionId, Count, DateTime, Nullable } from './fields.ts';
import { LedgerSchema } from './ledger-routes.ts';
import { PAGE_FIELDS } from './paging.ts';

const strict = { additionalProperties: false } as const;
const State = Type.Enum([...CONNECTION_STATES]);

export const ConfigurationInput = component('Configuration', described(ConfigurationSchema));

const HourAndDay = Type.Object({ hour: Count, day: Count });

/** Fields of answers that a request may repeat; they are left out. */
const READ_ONLY = {
  state: State,
  reason: Nullable(Type.String({ description: 'Why it is in this state and what to do about it, in one sentence.' })),
  startupTime: Nullable(DateTime),
  revision: Nullable(
    Type.String({ description: 'Of the definition; the ETag without its quotes. Null: there is no valid definition.' }),
  ),
  status: Type.Record(Type.String(), Type.Unknown(), { description: 'As on the status topic.' }),
  ledger: Nullable(LedgerSchema),
  activity: Nullable(
    Type.Object({
      waiting: Count,
      requestsInFlight: Count,
      journalBytes: Count,
      journalMaxBytes: Count,
      latencyMs: Type.Object({ p50: Type.Number(), p99: Type.Number() }),
      devicesWaiting: Type.Object({
        count: Count,
        first: Type.Array(Type.Object({ device: Type.String(), reason: Type.String() })),
      }),
    }),
  ),
  figures: Nullable(
    Type.Object(
      { uplinks: HourAndDay, downlinks: HourAndDay, activeThings: HourAndDay },
      { description: 'Of the last hour and day.' },
    ),
  ),
};
const READ_ONLY_NAMES: readonly string[] = Object.keys(READ_ONLY);

export const ConnectionSchema = component(
  'Connection',
  Type.Object(
    {
      id: Type.String(),
      connectorId: Type.String(),
      name: Type.String(),
      active: Type.Boolean({ description: 'False: it is stopped on purpose.' }),
      alarms: Type.Array(Type.Unknown()),
      configuration: Type.Record(Type.String(), Type.Unknown(), { description: 'Secrets are shown as `*****`.' }),
      ...READ_ONLY,
    },
    { description: 'A connection: what was defined, and how it does.' },
  ),
);

/** As documentation shows it: what may be sent. Whether it is right is for the definition's own validator to say. */
export const DefinitionInput = component(
  'Definition',
  Type.Object(
    {
      id: Type.Optional(ConnectionId),
      connectorId: Type.Literal(CONNECTOR_ID),
      name: Type.String({ minLength: 1, maxLength: 200, description: 'Shown to people only.' }),
      active: Type.Optional(Type.Boolean({ default: true, description: 'False stops it in seconds.' })),
      alarms: Type.Optional(Type.Array(AlarmSchema, { maxItems: 20, description: 'Low-rate alarms.' })),
      configuration: ConfigurationInput,
    },
    { ...strict, description: 'Fields of a connection that are only shown may be sent back; they are left out.' },
  ),
);

export const ChangeInput = component(
  'DefinitionChange',
  Type.Object(
    {
      name: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
      active: Type.Optional(Type.Boolean()),
      restart: Type.Optional(Type.String({ maxLength: 64, description: 'A new value asks for a restart.' })),
      alarms: Type.Optional(Type.Array(AlarmSchema, { maxItems: 20 })),
      configuration: Type.Optional(
        Type.Record(Type.String(), Type.Unknown(), {
          description: 'Fields of the configuration; null takes one away.',
        }),
      ),
    },
    { ...strict, description: 'A JSON merge patch (RFC 7396): what is not named stays.' },
  ),
);

export const ListQuery = Type.Object(
  {
    ...PAGE_FIELDS,
    q: Type.Optional(
      Type.String({ minLength: 1, maxLength: 200, description: 'Part of the name or id, in any case.' }),
    ),
    state: Type.Optional(Type.Array(State, { minItems: 1, description: 'Any of these.' })),
    sort: Type.Optional(Type.Enum(['id', '-id', 'name', '-name', 'state', '-state'], { default: 'id' })),
  },
  strict,
);
export type List = Static<typeof ListQuery>;

export const OptionalId = Type.Object({ id: Type.Optional(ConnectionId) }, strict);

/** The definition in a body: without what answers add. Anything that is no object is left for the validator. */
export function definitionIn(body: unknown): unknown {
  if (!isPlainObject(body)) return body;
  return Object.fromEntries(Object.entries(body).filter(([name]) => !READ_ONLY_NAMES.includes(name)));
}
