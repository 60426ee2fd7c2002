// What the group says, passed on to the connections, and told to people.
import type { OwnedConnections } from '../connections/owned-connections.ts';
import type { EventSink } from '../domain/events.ts';
import type { OwnershipListener } from '../domain/ports/ownership.ts';

export interface OwnershipNewsOptions {
  readonly owned: Pick<OwnedConnections, 'onGained' | 'onLost'>;
  readonly events: EventSink;
  /** The heartbeat says something else from now on. */
  readonly onChange: () => void;
  /** Requests may go out again. */
  readonly onConfirmed: () => void;
}

export class OwnershipNews implements OwnershipListener {
  readonly #options: OwnershipNewsOptions;
  #isAway = false;

  constructor(options: OwnershipNewsOptions) {
    this.#options = options;
  }

  onGained(partitions: readonly number[]): void {
    this.#tell(`Gained ${named(partitions)}.`);
    this.#options.owned.onGained(partitions);
    this.#options.onChange();
  }

  async onLost(partitions: readonly number[]): Promise<void> {
    this.#tell(`Lost ${named(partitions)}: their connections stop here.`);
    this.#options.onChange();
    await this.#options.owned.onLost(partitions);
  }

  onConfirmed(confirmed: boolean): void {
    if (confirmed) {
      this.#options.onConfirmed();
      this.#back();
    } else {
      this.#away(
        'Kafka has not been heard for a session time-out: nothing is sent, what comes in waits in the journals.',
      );
    }
    this.#options.onChange();
  }

  onTrouble(trouble: { readonly reason: string; readonly fatal: boolean } | null): void {
    if (trouble === null) return;
    const { reason, fatal } = trouble;
    const then = fatal ? 'It is tried every 30 s; mend the cause.' : 'It is tried again by itself.';
    this.#away(`The group of workers cannot be taken part in: ${reason}. ${then}`);
  }

  #away(message: string): void {
    this.#isAway = true;
    this.#options.events.emit({ kind: 'groupUnreachable', severity: 'error', connectionId: null, message });
  }

  #back(): void {
    if (!this.#isAway) return;
    this.#isAway = false;
    const message = 'The group of workers is taken part in again.';
    this.#options.events.emit({ kind: 'groupBack', severity: 'info', connectionId: null, message });
  }

  #tell(message: string): void {
    this.#options.events.emit({
      kind: 'ownershipChanged',
      severity: 'info',
      connectionId: null,
      key: message,
      message,
    });
  }
}

function named(partitions: readonly number[]): string {
  const first = partitions.slice(0, 10).join(', ');
  const rest = partitions.length > 10 ? ` and ${partitions.length - 10} more` : '';
  return `${partitions.length} partition${partitions.length === 1 ? '' : 's'} (${first}${rest})`;
}
