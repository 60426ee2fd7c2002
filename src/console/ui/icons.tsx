// The few icons of the console, drawn here so that no font decides how they look.
import type { ReactNode } from 'react';

const stroke = {
  fill: 'none',
  stroke: 'currentColor',
  strokeWidth: 1.6,
  strokeLinecap: 'round',
  strokeLinejoin: 'round',
} as const;

function Icon({ children }: { readonly children: ReactNode }): ReactNode {
  return (
    <svg width="18" height="18" viewBox="0 0 18 18" aria-hidden="true" {...stroke}>
      {children}
    </svg>
  );
}

export function EyeIcon({ isCrossed }: { readonly isCrossed: boolean }): ReactNode {
  return (
    <Icon>
      <path d="M1.5 9s2.8-5 7.5-5 7.5 5 7.5 5-2.8 5-7.5 5-7.5-5-7.5-5Z" />
      <circle cx="9" cy="9" r="2.2" />
      {isCrossed && <path d="M3 15 15 3" />}
    </Icon>
  );
}

export function PencilIcon(): ReactNode {
  return (
    <Icon>
      <path d="m3 15 .7-3.2L12 3.5a1.4 1.4 0 0 1 2 0l.5.5a1.4 1.4 0 0 1 0 2L6.2 14.3 3 15Z" />
    </Icon>
  );
}

export function MenuIcon(): ReactNode {
  return (
    <Icon>
      <path d="M2.5 4.5h13M2.5 9h13M2.5 13.5h13" />
    </Icon>
  );
}

export function CloseIcon(): ReactNode {
  return (
    <Icon>
      <path d="m4 4 10 10M14 4 4 14" />
    </Icon>
  );
}
