// Topics that the embedded broker can publish to, and filters of its sessions: those of MQTT that are not too deep, nor its own.
import { BridgeError } from '../domain/errors.ts';
import { assertPublishable, isTopicFilter } from './topics.ts';

/**
 * aedes refuses more in a PUBLISH, but not in a will; and where it looks for retained messages they throw where nobody catches
 * it: one of them that is retained would end the process at every SUBSCRIBE.
 */
const MAX_LEVELS = 100;

/** Throws a BridgeError `topicInvalid`. */
export function assertKeepable(topic: string): void {
  assertPublishable(topic);
  assertShallow(topic);
}

/**
 * Throws a BridgeError `topicInvalid`. aedes looks at filters when they are asked for, not at those of a session, at which its
 * start, or the client's next CONNECT, would fail for ever.
 */
export function assertSubscribable(filter: string): void {
  if (!isTopicFilter(filter)) {
    throw new BridgeError('topicInvalid', `"${filter.slice(0, 100)}" is no topic filter`);
  }
  assertShallow(filter);
}

function assertShallow(topic: string): void {
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
