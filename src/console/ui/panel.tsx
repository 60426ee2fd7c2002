// A titled section of a page, the line when there is nothing to show, and what stands there while loading or after a failure.
import { type ReactNode, useId } from 'react';
import { text } from '../text/text.ts';
import { Button } from './button.tsx';

export interface PanelProps {
  readonly title: string;
  readonly note?: ReactNode;
  readonly end?: ReactNode;
  /** What a link on the page leads to: `#anchor`. */
  readonly anchor?: string;
  readonly children: ReactNode;
}

export function Panel({ title, note, end, anchor, children }: PanelProps): ReactNode {
  const id = useId();
  return (
    <section className="panel" id={anchor} aria-labelledby={id}>
      <div className="panel-head">
        <h2 id={id}>{title}</h2>
        {note !== undefined && <span className="muted">{note}</span>}
        {end !== undefined && <div className="panel-end">{end}</div>}
      </div>
      <div className="panel-body">{children}</div>
    </section>
  );
}

export function Empty({ title, children }: { readonly title: string; readonly children?: ReactNode }): ReactNode {
  return (
    <div className="empty">
      <strong>{title}</strong>
      {children}
    </div>
  );
}

export interface LoadState {
  readonly isPending: boolean;
  readonly error: Error | null;
  readonly refetch: () => unknown;
}

/** Null once there is something to show. What was shown before a failure stays; the shell tells of lost contact. */
export function LoadNotice({ state }: { readonly state: LoadState }): ReactNode {
  if (state.error !== null && state.isPending === false) {
    return (
      <div className="banner bad" role="alert">
        <p>{state.error.message}</p>
        <Button small onPress={() => void state.refetch()}>
          {text.common.retry}
        </Button>
      </div>
    );
  }
  return state.isPending ? (
    <p className="muted" role="status">
      {text.common.loading}
    </p>
  ) : null;
}
