// What each field of a connection means and what it is when left out: for forms, editors and the OpenAPI document.
import type { TSchema } from 'typebox';

interface Words {
  readonly title: string;
  readonly description: string;
  readonly default?: unknown;
  /** `basic`: on the first page of a form. */
  readonly group: 'basic' | 'advanced';
  /** How a form asks for it, where its type does not say so. */
  readonly control?: 'password' | 'email' | 'multiline' | 'json' | 'service' | 'broker' | 'project' | 'duration';
}

/** In the order of a form. Names and meanings are ThingPark X IoT Flow's; the bridge's own say so. */
const CONFIGURATION_WORDS: Readonly<Record<string, Words>> = {
  email: { title: 'Email', description: 'The e-mail address of the HERE account.', group: 'basic', control: 'email' },
  password: {
    title: 'Password',
    description: 'Its password. Shown as ***** and kept when that is sent back.',
    group: 'basic',
    control: 'password',
  },
  appId: {
    title: 'App ID',
    description: "The HERE Tracking project. Blank: the account's first project.",
    group: 'basic',
    control: 'project',
  },
  description: { title: 'Description', description: 'Free text.', group: 'basic', control: 'multiline' },
  createDevices: {
    title: 'Create devices',
    description:
      'Create a device in HERE on its first uplink. When off, uplinks of devices that HERE does not know are skipped, with an event.',
    default: true,
    group: 'advanced',
  },
  maxDevices: {
    title: 'Most devices',
    description:
      'How many devices the bridge may create in the project: claimed devices may be billed. Left out: no limit. (The bridge’s own.)',
    group: 'advanced',
  },
  sendMetadata: {
    title: 'Legacy uplink format',
    description:
      'Removes the DevEUI_uplink root and sends uplinks only: trackers that are located by the network lose their positions.',
    default: false,
    group: 'advanced',
  },
  sendRawDecodedFormat: {
    title: 'Send raw decoded format',
    description: 'Sends only the content of payload where there is one. Not together with the legacy format.',
    default: false,
    group: 'advanced',
  },
  uplinkTimeValidity: {
    title: 'Uplink validity',
    description:
      'Older uplinks are not sent: a sum of d, h, m and s parts such as 5m, 72h or 3d12h60m. Left out: no limit.',
    group: 'advanced',
    control: 'duration',
  },
  reconnectStrategy: {
    title: 'Reconnect strategy',
    description:
      'How often a closed connection is tried again. CALM: every 10 min for 12 h, hourly for a day, then no more. NORMAL: every 5 min for 1 h, hourly for a day, then daily. AGGRESSIVE: every 3 min for 3 h, every 30 min for a week, then hourly, and a restart when no uplink came for over an hour.',
    default: 'NORMAL',
    group: 'advanced',
  },
  downlinkEnabled: {
    title: 'Downlinks',
    description: 'Publishes HERE’s commands to the devices.',
    default: true,
    group: 'advanced',
  },
  downlinkPort: { title: 'Downlink port', description: 'The FPort of a downlink that names none.', group: 'advanced' },
  downlinkAsId: {
    title: 'Downlink AS ID',
    description: 'Put into a downlink as AS_ID, where downlinks need authentication.',
    group: 'advanced',
  },
  downlinkAsKey: {
    title: 'Downlink AS key',
    description: 'The key that goes with it (AS_KEY).',
    group: 'advanced',
    control: 'password',
  },
  uplinkTopicPattern: {
    title: 'Uplink topic pattern',
    description: 'Where uplinks come from, with placeholders such as mqtt/things/{DevEUI}/uplink.',
    group: 'advanced',
  },
  downlinkTopicPattern: {
    title: 'Downlink topic pattern',
    description:
      'Where downlinks go to, with placeholders. On Kafka the name of one topic, things.downlink where none is given.',
    default: 'mqtt/things/{DevEUI}/downlink',
    group: 'advanced',
  },
  source: {
    title: 'Source',
    description: 'Which broker and topics the uplinks come from, and which devices are meant. (The bridge’s own.)',
    group: 'advanced',
    control: 'json',
  },
  downlinkTemplate: {
    title: 'Downlink template',
    description:
      'A downlink as JSON with placeholders such as {{/system/rate/sendMs}}: JSON pointers into the desired shadow. See docs/commands.md. (The bridge’s own.)',
    group: 'advanced',
    control: 'json',
  },
  mapping: {
    title: 'Mapping',
    description:
      'Overrides for makers, models, ports or topics: where a field of HERE’s record is read from. See docs/mapping.md. (The bridge’s own.)',
    group: 'advanced',
    control: 'json',
  },
  service: {
    title: 'HERE service',
    description: 'A name under the worker’s here.services. (The bridge’s own.)',
    group: 'advanced',
    control: 'service',
  },
  realm: {
    title: 'Realm',
    description: 'The log-in’s realm, for projects of the HERE platform. (The bridge’s own.)',
    group: 'advanced',
  },
};

/** A copy of the schema in which each field says what it means, in the order of a form. */
export function described<Schema extends TSchema>(schema: Schema): Schema {
  const { properties } = schema as unknown as { properties: Readonly<Record<string, object>> };
  const names = Object.keys(properties);
  const known = Object.keys(CONFIGURATION_WORDS).filter((name) => names.includes(name));
  const ordered = [...known, ...names.filter((name) => !known.includes(name))];
  const entries = ordered.map((name) => {
    const words = CONFIGURATION_WORDS[name];
    if (words === undefined) return [name, properties[name]];
    const { group, control, ...shown } = words;
    const extra = { 'x-group': group, ...(control === undefined ? {} : { 'x-control': control }) };
    return [name, { ...properties[name], ...shown, ...extra, ...(control === 'password' ? { writeOnly: true } : {}) }];
  });
  return { ...schema, properties: Object.fromEntries(entries) };
}
