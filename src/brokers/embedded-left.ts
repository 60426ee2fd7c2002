// What the process before this one owes: published before anyone can connect.
import { BridgeError } from '../domain/errors.ts';
import type { DiskPersistence } from './embedded-persistence.ts';
import { assertOpen } from './embedded-topics.ts';

/** Of the process before this one. */
export interface LeftMessage {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
}

/** Throws what the disk says. */
export async function publishLeft(
  persistence: DiskPersistence,
  publish: (message: LeftMessage, done: (error: Error | null) => void) => void,
  notice: (message: string) => void,
): Promise<void> {
  const { wills, accepted } = persistence.left;
  for (const message of [...wills, ...accepted]) {
    try {
      assertOpen(message.topic);
      if (message.retain) await persistence.storeRetained({ ...message });
    } catch (error) {
      if (!isItsOwnFault(error)) throw error;
      notice(`a message of the process before is dropped: ${error.message}`);
      continue;
    }
    await new Promise<void>((resolve, reject) => {
      publish(message, (error) => (error ? reject(error) : resolve()));
    });
  }
  await persistence.forgetLeft();
}

/** It would be refused at each later start as well: that must not prevent them. */
function isItsOwnFault(error: unknown): error is BridgeError {
  return error instanceof BridgeError && (error.code === 'topicInvalid' || error.code === 'retainedLimit');
}

export function leftMessage(row: Record<string, unknown>): LeftMessage {
  const qos = Number(row.qos);
  return {
    topic: String(row.topic),
    payload: Buffer.from(row.payload as Uint8Array),
    qos: qos === 1 || qos === 2 ? qos : 0,
    retain: row.retain === 1,
  };
}
