// A small "i" beside a label: press it, and it explains. Works by touch and keyboard, unlike a hover tip.
import type { ReactNode } from 'react';
import { Button } from 'react-aria-components/Button';
import { Dialog, DialogTrigger } from 'react-aria-components/Dialog';
import { Popover } from 'react-aria-components/Popover';
import { text } from '../text/text.ts';

export function InfoTip({ about, children }: { readonly about: string; readonly children: ReactNode }): ReactNode {
  return (
    <DialogTrigger>
      <Button className="info-tip" aria-label={text.common.info(about)}>
        <svg width="15" height="15" viewBox="0 0 15 15" aria-hidden="true">
          <circle cx="7.5" cy="7.5" r="7" fill="currentColor" />
          <path d="M7.5 6.6v4.6M7.5 3.6v1.5" stroke="var(--surface)" strokeWidth="1.7" />
        </svg>
      </Button>
      <Popover className="popover" placement="bottom start">
        <Dialog aria-label={text.common.info(about)}>{children}</Dialog>
      </Popover>
    </DialogTrigger>
  );
}
