// A moment: how long ago, with the exact time in the viewer's zone beside it (on hover and for screen readers).
import { type ReactNode, useSyncExternalStore } from 'react';
import { formatAgo, formatTime, text } from '../text/text.ts';

let now = Date.now();
const watchers = new Set<() => void>();
let ticking = false;

/** One timer for all moments on the page, and none while nothing shows one. */
function watch(watcher: () => void): () => void {
  watchers.add(watcher);
  if (!ticking) {
    ticking = true;
    const timer = setInterval(() => {
      now = Date.now();
      for (const each of watchers) each();
      if (watchers.size > 0) return;
      clearInterval(timer);
      ticking = false;
    }, 1000);
  }
  return () => watchers.delete(watcher);
}

function useNow(): number {
  return useSyncExternalStore(watch, () => now);
}

export interface AgoProps {
  /** ISO, or ms since the epoch; null: never. */
  readonly at: string | number | null;
  /** `short`: for narrow columns. */
  readonly style?: 'long' | 'short';
}

export function Ago({ at, style = 'long' }: AgoProps): ReactNode {
  const current = useNow();
  if (at === null) return <span className="muted">{text.common.none}</span>;
  const time = new Date(at);
  return (
    <time dateTime={time.toISOString()} title={formatTime(at)}>
      {formatAgo(time.getTime(), current, style)}
    </time>
  );
}

export function Moment({ at }: { readonly at: string | number }): ReactNode {
  return <time dateTime={new Date(at).toISOString()}>{formatTime(at)}</time>;
}
