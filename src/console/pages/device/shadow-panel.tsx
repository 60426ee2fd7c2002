// The shadow of a device, asked of HERE: what is desired of it, and what it has reported.
import type { ReactNode } from 'react';
import { useShadow } from '../../api/devices.ts';
import { text } from '../../text/text.ts';
import { AskedPanel } from '../../ui/asked-panel.tsx';
import { Json } from '../../ui/json.tsx';
import type { OfDevice } from './uplinks-panel.tsx';

const words = text.device;

export function ShadowPanel({ id, device }: OfDevice): ReactNode {
  return (
    <AskedPanel title={words.shadow} query={useShadow(id, device)}>
      {({ desired, reported, trackingId }) => (
        <>
          <dl className="pairs shadow-ids">
            <dt>{text.herePanel.trackingId}</dt>
            <dd className="mono">{trackingId ?? text.common.unknown}</dd>
          </dl>
          <div className="shadow">
            <Side title={words.desired} value={desired} />
            <Side title={words.reported} value={reported} />
          </div>
        </>
      )}
    </AskedPanel>
  );
}

function Side({ title, value }: { readonly title: string; readonly value: unknown }): ReactNode {
  const isEmpty = value === undefined || value === null;
  return (
    <section aria-label={title}>
      <h3>{title}</h3>
      {isEmpty ? <p className="muted">{words.nothing}</p> : <Json label={title} value={value} />}
    </section>
  );
}
