// Events: what a person should know. Each is one line of plain words that says what to do about it.

export const EVENT_KINDS = [
  'connectionOpened',
  'connectionClosed',
  'connectionDeactivated',
  'connectionDeleted',
  'definitionInvalid',
  'definitionMissing',
  'definitionStale',
  'brokerInvalid',
  'topicSettings',
  'logInRefused',
  'accountLocked',
  'projectMissing',
  'projectOtherFirst',
  'licenceExpired',
  'licenceEnding',
  'held',
  'released',
  'hereUnavailable',
  'hereBack',
  'rateLimited',
  'uplinksExpired',
  'uplinksDeadLettered',
  'deadLettersNearlyFull',
  'deadLettersAgeing',
  'deadLettersDropped',
  'deviceUnknown',
  'devicesCreating',
  'deviceCreationFailed',
  'deviceLimitReached',
  'deviceQuotaNearlyUsed',
  'deviceQuotaUsedUp',
  'deviceUnclaimed',
  'sourceDown',
  'sourceUp',
  'sessionLost',
  'uplinksMissed',
  'qos0Uplinks',
  'journalNearlyFull',
  'journalFull',
  'journalHasRoom',
  'diskFailed',
  'diskBack',
  'ledgerImbalance',
  'storeSetAside',
  'payloadNotDecoded',
  'unknownValidityState',
  'otherDeviceInTopic',
  'usersRecord',
  'secretKeyDiffers',
  'clockStepped',
  'projectShared',
  'shadowsRefused',
  'shadowsBack',
  'downlinksDelayed',
  'downlinkTopicMissing',
  'commandRefused',
  'commandRejected',
  'commandNotSent',
  'commandUnreported',
  'commandsExpired',
  'commandsDropped',
  'alarmRaised',
  'alarmCleared',
  'groupUnreachable',
  'groupBack',
  'ownershipChanged',
  'uplinksHandedOver',
  'journalAdopted',
  'secretKeysDiffer',
  'heartbeatIgnored',
] as const;
export type EventKind = (typeof EVENT_KINDS)[number];

export interface NewEvent {
  readonly kind: EventKind;
  readonly severity: 'info' | 'warning' | 'error';
  /** null: the worker's own. */
  readonly connectionId: string | null;
  /** Plain words, one line, no secrets. */
  readonly message: string;
  /** Events of one kind, connection and key are the same news: they are counted, not repeated. */
  readonly key?: string;
  /** How many things it stands for (uplinks, devices); 1 by default. */
  readonly count?: number;
  readonly details?: Readonly<Record<string, string | number | boolean | null>>;
}

export interface BridgeEvent extends NewEvent {
  readonly id: string;
  /** ISO 8601. */
  readonly time: string;
  readonly count: number;
}

export interface EventSink {
  emit(event: NewEvent): void;
}
