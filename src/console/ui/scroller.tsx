// A box that scrolls by itself, reachable by keyboard.
import type { ReactNode } from 'react';

export function Scroller({ label, children }: { readonly label: string; readonly children: ReactNode }): ReactNode {
  return (
    // Not a landmark: the panel around it is one. A fieldset would be a form's.
    <div className="scroller" tabIndex={0} role="group" aria-label={label}>
      {children}
    </div>
  );
}
