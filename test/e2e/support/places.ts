// Every page of the console, each with a text that is there once it is complete: for pictures and for what holds on all of them.
export interface Place {
  readonly name: string;
  /** Below /ui; `{device}` stands for a device that was heard. */
  readonly route: string;
  /** A text, or a selector after `css:`. */
  readonly shown: string;
}

/** The connection `fleet` must be open and have uplinks. */
export const PLACES: readonly Place[] = [
  { name: 'connections', route: '/connections', shown: 'Fleet' },
  { name: 'connection', route: '/connections/fleet', shown: 'Devices as HERE lists them' },
  { name: 'map', route: '/connections/fleet/map', shown: 'where HERE last saw them' },
  { name: 'tail', route: '/connections/fleet/tail', shown: 'Live.' },
  { name: 'devices', route: '/connections/fleet/devices', shown: 'First heard' },
  { name: 'device', route: '/connections/fleet/devices/{device}', shown: 'Delivered' },
  { name: 'dead-letters', route: '/connections/fleet/dead-letters', shown: 'Reason' },
  { name: 'unknown-devices', route: '/connections/fleet/unknown-devices', shown: 'There are no unknown devices' },
  { name: 'create', route: '/connections/new?connector=actility-here-iot', shown: 'Advanced settings' },
  { name: 'first-steps', route: '/start', shown: 'Watch it work' },
  { name: 'wizard', route: '/start/connect', shown: 'The e-mail address and password' },
  { name: 'try', route: '/try', shown: 'Nothing pasted yet' },
  { name: 'events', route: '/events', shown: 'Severity' },
  { name: 'workers', route: '/workers', shown: 'This worker is alone' },
  { name: 'settings', route: '/settings', shown: 'Key in use' },
  { name: 'about', route: '/about', shown: 'Data directory' },
];
