// Short notices at the edge: what an action has led to. Announced to screen readers; good ones go by themselves.
import { type ReactNode, useSyncExternalStore } from 'react';
import { text } from '../text/text.ts';
import { Button } from './button.tsx';
import { CloseIcon } from './icons.tsx';

interface Notice {
  readonly id: number;
  readonly kind: 'good' | 'bad';
  readonly message: string;
}

const GOOD_MS = 8_000;
const AT_MOST = 5;

let notices: readonly Notice[] = [];
let lastId = 0;
const watchers = new Set<() => void>();

function change(next: readonly Notice[]): void {
  notices = next;
  for (const watcher of watchers) watcher();
}

function drop(id: number): void {
  change(notices.filter((notice) => notice.id !== id));
}

export function notify(message: string, kind: Notice['kind'] = 'good'): void {
  lastId += 1;
  const id = lastId;
  change([...notices.filter((notice) => notice.message !== message), { id, kind, message }].slice(-AT_MOST));
  if (kind === 'good') setTimeout(() => drop(id), GOOD_MS);
}

/** Tells the failure of an action. */
export function notifyFailure(error: unknown): void {
  notify(error instanceof Error ? error.message : String(error), 'bad');
}

export function Notices(): ReactNode {
  const shown = useSyncExternalStore(
    (watcher) => {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
    () => notices,
  );
  return (
    <div className="notices" role="status" aria-live="polite">
      {shown.map((notice) => (
        <div key={notice.id} className={`notice ${notice.kind}`}>
          <p>{notice.message}</p>
          <Button kind="quiet" small label={text.common.close} onPress={() => drop(notice.id)}>
            <CloseIcon />
          </Button>
        </div>
      ))}
    </div>
  );
}
