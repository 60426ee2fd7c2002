// The device that was chosen on the map: its last place and report, its track of a day, the way to its page.
import type { UseQueryResult } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { Position } from '../../api/positions.ts';
import { formatCount, formatLength, text } from '../../text/text.ts';
import { Button } from '../../ui/button.tsx';
import { CloseIcon } from '../../ui/icons.tsx';
import { Ago } from '../../ui/time.tsx';

const words = text.map;

export interface DeviceCardProps {
  readonly id: string;
  readonly device: string;
  readonly position: Position | null;
  readonly track: UseQueryResult<{ readonly traces: readonly unknown[]; readonly isCut: boolean }>;
  readonly onClose: () => void;
  readonly onFitTrack: () => void;
}

export function DeviceCard({ id, device, position, track, onClose, onFitTrack }: DeviceCardProps): ReactNode {
  const place = position?.position ?? null;
  return (
    <section className="map-card" aria-label={words.chosen(device)} aria-live="polite">
      <div className="map-card-head">
        <h2 className="mono">{device}</h2>
        <Button kind="quiet" small label={text.common.close} onPress={onClose}>
          <CloseIcon />
        </Button>
      </div>
      <dl className="pairs">
        <dt>{words.report}</dt>
        <dd>
          <Ago at={position?.reportedAt ?? null} />
        </dd>
        <dt>{words.position}</dt>
        <dd>{place === null ? text.common.none : `${place.lat.toFixed(5)}, ${place.lng.toFixed(5)}`}</dd>
        <dt>{words.accuracy}</dt>
        <dd>{place?.accuracy == null ? text.common.unknown : formatLength(place.accuracy)}</dd>
        <dt>{words.track}</dt>
        <dd>
          {track.error !== null
            ? track.error.message
            : track.data === undefined
              ? text.common.loading
              : `${words.records(formatCount(track.data.traces.length))}${track.data.isCut ? ` (${words.trackCut})` : ''}`}
        </dd>
      </dl>
      <div className="map-card-actions">
        <Link className="button small primary" to="/connections/$id/devices/$device" params={{ id, device }}>
          {words.openDevice}
        </Link>
        <Button small isDisabled={track.data === undefined || track.data.traces.length === 0} onPress={onFitTrack}>
          {words.fitTrack}
        </Button>
      </div>
    </section>
  );
}
