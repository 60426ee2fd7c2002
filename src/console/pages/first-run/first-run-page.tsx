// The first steps, also for those who have a connection already.
import type { ReactNode } from 'react';
import { text } from '../../text/text.ts';
import { DemoBanner } from './demo-banner.tsx';
import { Ways } from './ways.tsx';

export function FirstRunPage(): ReactNode {
  return (
    <>
      <div className="page-head">
        <h1>{text.firstRun.title}</h1>
      </div>
      <DemoBanner />
      <Ways />
    </>
  );
}
