// Topics that the embedded broker can publish to: those of MQTT, without the ones that are the broker's own or too deep for it.
import { BridgeError } from '../domain/errors.ts';
import { assertPublishable } from './topics.ts';

/**
 * aedes refuses more in a PUBLISH, but not in a will; and where it looks for retained messages they throw where nobody catches
 * it: one of them that is retained would end the process at every SUBSCRIBE.
 */
const MAX_LEVELS = 100;

/** Throws a BridgeError `topicInvalid`. */
export function assertKeepable(topic: string): void {
  assertPublishable(topic);
  if (topic.split('/', MAX_LEVELS + 1).length > MAX_LEVELS) {
    throw new BridgeError('topicInvalid', `"${topic.slice(0, 100)}" has more than ${MAX_LEVELS} levels`);
  }
}

/** Throws a BridgeError `topicInvalid`, for the broker's own topics as well. */
export function assertOpen(topic: string): void {
  assertKeepable(topic);
  if (topic.startsWith('$')) {
    throw new BridgeError('topicInvalid', `"${topic.slice(0, 100)}" is reserved to the broker`);
  }
}

/** What `assert` says against it; null: nothing. */
export function refusalOf(topic: string, assert: (topic: string) => void): BridgeError | null {
  try {
    assert(topic);
    return null;
  } catch (error) {
    if (error instanceof BridgeError) return error;
    throw error;
  }
}
