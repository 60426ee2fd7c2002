// A value as indented JSON, in a box that scrolls.
import type { ReactNode } from 'react';
import { Scroller } from './scroller.tsx';

export function Json({ label, value }: { readonly label: string; readonly value: unknown }): ReactNode {
  return (
    <Scroller label={label}>
      <pre className="json">{JSON.stringify(value, null, 2)}</pre>
    </Scroller>
  );
}
