// A connection of ThingPark X IoT Flow (`actility-here-iot`), as its API gives it, as a definition of the bridge: the names are the same.
import { CONNECTION_ID_PATTERN, CONNECTOR_ID, ConfigurationSchema } from '../domain/connection.ts';
import { nearest } from '../domain/nearest.ts';
import { isPlainObject } from '../domain/plain-object.ts';
import { SECRET_MASK } from './check-semantics.ts';
import { SECRET_FIELDS } from './definition-secrets.ts';
import { type ConversionOutcome, ForeignFields, type Reasons } from './foreign-fields.ts';

const KNOWN = Object.keys(ConfigurationSchema.properties);
const FLOWS =
  'is told by flows in IoT Flow: put their topics into configuration.source.topics, their matchers into configuration.source.matchers';
const REASONS: Reasons = [
  // What it does, not what it is to do.
  ...['state', 'startupTime', 'stateMessage', 'creationTime', 'updateTime'].map((name) => [`/${name}`, null] as const),
  ['/flows', FLOWS],
  ['/flow', FLOWS],
  ['/matchers', FLOWS],
];

export function convertThingPark(value: Readonly<Record<string, unknown>>): ConversionOutcome {
  const fields = new ForeignFields(value);
  if (fields.take('/connectorId') !== CONNECTOR_ID) {
    return {
      kind: 'refused',
      message: `It is a connection of another connector than ${CONNECTOR_ID}: only that one leads to HERE Tracking`,
    };
  }
  const configuration: Record<string, unknown> = {};
  const given = fields.look('/configuration');
  for (const name of Object.keys(isPlainObject(given) ? given : {})) {
    const pointer = `/configuration/${name}`;
    if (!KNOWN.includes(name)) {
      const like = nearest(name, KNOWN);
      if (like !== null) fields.note(pointer, `is not known; did it mean ${like}?`);
      if (like !== null) fields.take(pointer);
      continue;
    }
    const setting = fields.take(pointer);
    if (setting !== null && setting !== '') configuration[name] = setting;
    if ((SECRET_FIELDS as readonly string[]).includes(name) && setting === SECRET_MASK) {
      fields.note(pointer, 'is masked in what IoT Flow shows: put the secret itself in its place');
    }
  }
  const id = fields.take('/id');
  const ownId = typeof id === 'string' || typeof id === 'number' ? String(id) : null;
  const keepsId = ownId !== null && new RegExp(CONNECTION_ID_PATTERN).test(ownId);
  if (ownId !== null && !keepsId) fields.note('/id', 'is no id of the bridge: give one when the definition is applied');
  const alarms = fields.take('/alarms');
  const active = fields.take('/active');
  const definition = {
    ...(keepsId ? { id: ownId } : {}),
    connectorId: CONNECTOR_ID,
    name: fields.take('/name') ?? 'From ThingPark',
    ...(active === undefined ? {} : { active }),
    ...(Array.isArray(alarms) && alarms.length > 0 ? { alarms } : {}),
    configuration,
  };
  return {
    kind: 'ok',
    conversion: { what: 'a connection of ThingPark X IoT Flow', definition, notes: fields.notes(REASONS) },
  };
}
