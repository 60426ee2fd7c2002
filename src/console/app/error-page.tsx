// What stands in a page's place when there is no such page, or when the page itself has failed.
import { type ErrorComponentProps, Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { text } from '../text/text.ts';
import { Empty } from '../ui/panel.tsx';

export function NotFoundPage(): ReactNode {
  return (
    <Empty title={text.common.notFoundTitle}>
      <p>{text.common.notFoundHint}</p>
      <Link to="/connections">{text.common.toConnections}</Link>
    </Empty>
  );
}

export function FailedPage({ error }: ErrorComponentProps): ReactNode {
  return (
    <div role="alert">
      <Empty title={text.failure.title}>
        <p>{error instanceof Error ? error.message : String(error)}</p>
        <Link to="/connections">{text.common.toConnections}</Link>
      </Empty>
    </div>
  );
}
