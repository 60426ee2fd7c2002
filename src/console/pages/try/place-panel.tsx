// The position of a record: on the map and in figures, or why there is none.
import { lazy, type ReactNode, Suspense } from 'react';
import type { TriedField } from '../../api/trial.ts';
import { formatDegrees, formatLength, text } from '../../text/text.ts';
import { Panel } from '../../ui/panel.tsx';
import { placeOf, withoutPlace } from './tried-place.ts';

const words = text.tryUplink;

// The map is a chunk of its own: who pastes a temperature does not load it.
const PlaceMap = lazy(async () => ({ default: (await import('./place-map.tsx')).PlaceMap }));

export interface PlacePanelProps {
  readonly device: string | null;
  readonly record: unknown;
  readonly fields: readonly TriedField[];
}

export function PlacePanel({ device, record, fields }: PlacePanelProps): ReactNode {
  const place = placeOf(record);
  if (place === null) {
    const reasons = withoutPlace(fields);
    return (
      <Panel title={words.position}>
        <p>{reasons.length === 0 ? words.noPosition : words.noPositionBecause}</p>
        {reasons.length > 0 && (
          <ul className="try-reasons">
            {reasons.map(({ rule, why }) => (
              <li key={rule}>
                <strong>{rule}</strong>: {why}
              </li>
            ))}
          </ul>
        )}
      </Panel>
    );
  }
  const { lat, lng, accuracy } = place;
  return (
    <Panel title={words.position}>
      <p className="try-place">
        {words.place(formatDegrees(lat), formatDegrees(lng))}
        {accuracy !== null && ` · ${words.within(formatLength(accuracy))}`}
      </p>
      <Suspense fallback={<div className="try-map-room" />}>
        <PlaceMap name={device ?? text.common.unknown} place={place} />
      </Suspense>
    </Panel>
  );
}
