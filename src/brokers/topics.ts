// MQTT topic names and filters (MQTT 3.1.1, section 4.7): what may be published, and which filters match a topic.
import { BridgeError } from '../domain/errors.ts';

const MAX_TOPIC_BYTES = 65_535;

/** Throws a BridgeError `topicInvalid`: a broker would answer such a publish by closing the connection. */
export function assertPublishable(topic: string): void {
  if (topic === '' || /[+#\0]/.test(topic) || Buffer.byteLength(topic) > MAX_TOPIC_BYTES) {
    throw new BridgeError('topicInvalid', `"${topic.slice(0, 200)}" is no topic that can be published to`);
  }
}

/** Whether a topic, or all that a filter matches, lies below `prefix`; null: nothing does. */
export function isBelow(prefix: string | null, topic: string): boolean {
  return prefix !== null && topic.startsWith(prefix) && topic[prefix.length] === '/';
}

/** `+` stands alone between slashes, `#` alone at the end. */
export function isTopicFilter(filter: string): boolean {
  if (filter === '' || filter.includes('\0') || Buffer.byteLength(filter) > MAX_TOPIC_BYTES) return false;
  const levels = filter.split('/');
  return levels.every(
    (level, at) => level === '+' || (level === '#' && at === levels.length - 1) || !/[+#]/.test(level),
  );
}

interface Node<T> {
  readonly levels: Map<string, Node<T>>;
  readonly values: Set<T>;
}

/** Filters with their values; a lookup costs the topic's levels, not the number of filters. */
export class TopicTree<T> {
  readonly #root: Node<T> = { levels: new Map(), values: new Set() };

  add(filter: string, value: T): void {
    let node = this.#root;
    for (const level of filter.split('/')) {
      let next = node.levels.get(level);
      if (next === undefined) {
        next = { levels: new Map(), values: new Set() };
        node.levels.set(level, next);
      }
      node = next;
    }
    node.values.add(value);
  }

  remove(filter: string, value: T): void {
    const path: { readonly node: Node<T>; readonly level: string }[] = [];
    let node = this.#root;
    for (const level of filter.split('/')) {
      const next = node.levels.get(level);
      if (next === undefined) return;
      path.push({ node, level });
      node = next;
    }
    node.values.delete(value);
    for (const { node: parent, level } of path.reverse()) {
      const child = parent.levels.get(level);
      if (child === undefined || child.values.size > 0 || child.levels.size > 0) return;
      parent.levels.delete(level);
    }
  }

  /** Each value once, however many of its filters match. A filter that begins with a wildcard does not match `$…`. */
  match(topic: string): Set<T> {
    const found = new Set<T>();
    const levels = topic.split('/');
    collect(this.#root, levels, 0, topic.startsWith('$'), found);
    return found;
  }
}

function collect<T>(node: Node<T>, levels: readonly string[], at: number, reserved: boolean, found: Set<T>): void {
  const wildcards = at > 0 || !reserved;
  // `a/#` matches `a` as well.
  if (wildcards) for (const value of node.levels.get('#')?.values ?? []) found.add(value);
  const level = levels[at];
  if (level === undefined) {
    for (const value of node.values) found.add(value);
    return;
  }
  const exact = node.levels.get(level);
  if (exact !== undefined) collect(exact, levels, at + 1, reserved, found);
  const any = wildcards ? node.levels.get('+') : undefined;
  if (any !== undefined) collect(any, levels, at + 1, reserved, found);
}
