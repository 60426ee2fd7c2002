// What a person should hear of commands: refused, rejected, not sent, expired, without a report; and when HERE gives none.
import { type Command, MAX_ATTEMPTS } from '../domain/command.ts';
import type { EventKind, EventSink, NewEvent } from '../domain/events.ts';

export class CommandNews {
  readonly #connectionId: string;
  readonly #events: EventSink;

  constructor(connectionId: string, events: EventSink) {
    this.#connectionId = connectionId;
    this.#events = events;
  }

  /** After a change of its state. */
  changed(command: Command): void {
    const { device, state, cause, attempt, confirmed } = command;
    const name = `The command${command.version === null ? '' : ` of version ${command.version}`} for ${device}`;
    switch (state) {
      case 'refused':
        this.#tell('commandRefused', 'warning', device, `${name} was refused: ${cause}. Desire something else.`);
        return;
      case 'rejected':
        this.#tell('commandRejected', 'warning', device, `${name} was rejected by the network: ${cause}.`);
        return;
      case 'notSent':
        if (attempt < MAX_ATTEMPTS) return;
        this.#tell(
          'commandNotSent',
          'warning',
          device,
          `${name} could not be sent over the air, ${MAX_ATTEMPTS} times: ${cause}. Desire it again when the device is in better reach.`,
        );
        return;
      case 'expired':
        this.expired();
        return;
      case 'unreported':
        if (!confirmed) return;
        this.#tell(
          'commandUnreported',
          'info',
          'unreported',
          'Confirmed commands got no report from the network: turn on the downlink reports (DevEUI_downlink_Sent) in the connectivity plan of the devices.',
        );
        return;
      default:
    }
  }

  expired(): void {
    const message =
      'Commands became too old before they could be published or sent; they are not sent any more. Desire them again.';
    this.#tell('commandsExpired', 'warning', 'expired', message);
  }

  away(broker: string, reason: string): void {
    const message = `Downlinks wait: broker "${broker}" does not take them: ${reason}. They are published as soon as it does.`;
    this.#tell('downlinksDelayed', 'warning', broker, message);
  }

  noTopic(broker: string, absence: string): void {
    const message = `Downlinks have nowhere to go on broker "${broker}": ${absence}. Until then commands wait.`;
    this.#tell('downlinkTopicMissing', 'warning', broker, message);
  }

  refusedByHere(message: string): void {
    const words = `HERE gives no shadows, so there are no commands; telemetry goes on: ${message}. Ask HERE for a plan with shadows, or set downlinkEnabled to false. It is asked again every 10 minutes.`;
    this.#tell('shadowsRefused', 'warning', 'shadows', words);
  }

  heardAgain(): void {
    this.#tell('shadowsBack', 'info', 'shadows', 'HERE gives shadows again: commands are looked for.');
  }

  trouble(message: string): void {
    const words = `Commands that HERE has cannot be kept: ${message}. They are read again; look at the disk.`;
    this.#tell('diskFailed', 'error', 'commands', words);
  }

  #tell(kind: EventKind, severity: NewEvent['severity'], key: string, message: string): void {
    this.#events.emit({ kind, severity, connectionId: this.#connectionId, key, message });
  }
}
