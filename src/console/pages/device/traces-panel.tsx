// What HERE has stored of a device, asked of HERE, the latest first.
import type { ReactNode } from 'react';
import { type Trace, useTraces } from '../../api/devices.ts';
import { formatCount, text } from '../../text/text.ts';
import { AskedPanel } from '../../ui/asked-panel.tsx';
import { Json } from '../../ui/json.tsx';
import { Scroller } from '../../ui/scroller.tsx';
import { Moment } from '../../ui/time.tsx';
import type { OfDevice } from './uplinks-panel.tsx';

const words = text.device;

export function TracesPanel({ id, device }: OfDevice): ReactNode {
  return (
    <AskedPanel title={words.traces} query={useTraces(id, device)}>
      {(traces) =>
        traces.length === 0 ? (
          <p className="muted">{words.noTraces}</p>
        ) : (
          <Scroller label={words.traces}>
            <ul className="uplinks traces">
              {traces.map((trace, index) => (
                // HERE may store two records of one moment, and they have no id.
                // biome-ignore lint/suspicious/noArrayIndexKey: fetched as a whole, and rows have no state
                <li key={`${index} ${trace.timestamp}`}>
                  {typeof trace.timestamp === 'number' ? (
                    <Moment at={trace.timestamp} />
                  ) : (
                    <span>{text.common.unknown}</span>
                  )}
                  <span>{placeOf(trace)}</span>
                  <details className="uplink-waits">
                    <summary>{words.record}</summary>
                    <Json label={words.record} value={trace} />
                  </details>
                </li>
              ))}
            </ul>
          </Scroller>
        )
      }
    </AskedPanel>
  );
}

function placeOf({ position }: Trace): string {
  if (position?.lat === undefined || position.lng === undefined) return words.noPosition;
  const place = `${position.lat.toFixed(5)}, ${position.lng.toFixed(5)}`;
  return position.accuracy === undefined ? place : `${place}, ${words.accuracy(formatCount(position.accuracy))}`;
}
