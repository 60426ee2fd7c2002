// The devices of a connection where HERE last saw them: on a map without outside tiles, and the same as a table.
import { useParams } from '@tanstack/react-router';
import { type ReactNode, useCallback, useMemo, useRef, useState } from 'react';
import { type Position, usePositions, useTrack } from '../../api/positions.ts';
import { formatClock, formatCount, text } from '../../text/text.ts';
import { ConnectionHead } from '../../ui/connection-head.tsx';
import { Empty } from '../../ui/panel.tsx';
import { DeviceCard } from './device-card.tsx';
import { DeviceTable } from './device-table.tsx';
import { MapCanvas } from './map-canvas.tsx';
import type { MapController, MapDevices } from './map-controller.ts';
import { around, xOf, yOf } from './mercator.ts';
import type { TrackPoint } from './painter.ts';
import './map.css';

const words = text.map;
const NO_TRACK: readonly TrackPoint[] = [];

export function MapPage(): ReactNode {
  const { id } = useParams({ from: '/connections/$id/map' });
  const positions = usePositions(id);
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const controller = useRef<MapController | null>(null);
  const { devices } = positions;
  const placed = useMemo(() => devices.filter(({ position }) => position !== null), [devices]);
  const onMap = useMemo(() => mapDevices(placed), [placed]);
  const single = chosen.length === 1 ? (chosen[0] ?? null) : null;
  const track = useTrack(id, single);
  const points = useMemo(() => trackPoints(track.data?.traces ?? []), [track.data]);
  const byName = useMemo(() => new Map(placed.map((each) => [each.device, each])), [placed]);
  const showDevice = useCallback((device: string) => {
    setChosen([device]);
    controller.current?.goTo(device);
    document.querySelector('.map')?.scrollIntoView({ block: 'center' });
  }, []);
  const without = devices.length - placed.length;
  return (
    <>
      <ConnectionHead id={id} title={text.nav.map} />
      {positions.error !== null && (
        <p className="banner bad" role="alert">
          {positions.error.message}
        </p>
      )}
      <p className="map-line muted" role="status">
        {positions.at === null && positions.error === null && text.common.loading}
        {positions.at !== null && (
          <>
            {positions.isWhole ? words.shown(formatCount(placed.length)) : words.soFar(formatCount(placed.length))}
            {without > 0 && ` · ${words.without(formatCount(without))}`}
            {positions.isCut && ` · ${words.cut}`}
            {` · ${text.common.asOf(formatClock(positions.at))}`}
          </>
        )}
      </p>
      {positions.isWhole && placed.length === 0 && <Empty title={words.none}>{words.noneHint}</Empty>}
      <div className="map-frame">
        <MapCanvas
          devices={onMap}
          chosen={single}
          track={single === null ? NO_TRACK : points}
          onChoose={setChosen}
          controller={controller}
        />
        {single !== null && (
          <DeviceCard
            id={id}
            device={single}
            position={byName.get(single) ?? null}
            track={track}
            onClose={() => setChosen([])}
            onFitTrack={() => points.length > 0 && controller.current?.fit(boxOfTrack(points))}
          />
        )}
        {chosen.length > 1 && (
          <section className="map-card" aria-label={words.together(formatCount(chosen.length))}>
            <h2>{words.together(formatCount(chosen.length))}</h2>
            <ul className="map-together">
              {chosen.slice(0, 50).map((device) => (
                <li key={device}>
                  <button type="button" className="link mono" onClick={() => setChosen([device])}>
                    {device}
                  </button>
                </li>
              ))}
            </ul>
            {chosen.length > 50 && <p className="muted">{words.andMore(formatCount(chosen.length - 50))}</p>}
          </section>
        )}
      </div>
      <Legend />
      <DeviceTable id={id} devices={devices} onShow={showDevice} />
    </>
  );
}

function Legend(): ReactNode {
  return (
    <div className="map-legend">
      <ul aria-label={words.legend}>
        <li>
          <span className="map-dot hour" aria-hidden="true" /> {words.hour}
        </li>
        <li>
          <span className="map-dot day" aria-hidden="true" /> {words.day}
        </li>
        <li>
          <span className="map-dot older" aria-hidden="true" /> {words.older}
        </li>
      </ul>
      <p id="map-keys" className="muted">
        {words.keys}
      </p>
      <p className="muted">{words.outlines}</p>
    </div>
  );
}

function mapDevices(placed: readonly Position[]): MapDevices {
  return {
    names: placed.map(({ device }) => device),
    xs: Float64Array.from(placed, ({ position }) => xOf(position?.lng ?? 0)),
    ys: Float64Array.from(placed, ({ position }) => yOf(position?.lat ?? 0)),
    times: Float64Array.from(placed, ({ reportedAt }) => (reportedAt === null ? 0 : Date.parse(reportedAt))),
    accuracies: Float64Array.from(placed, ({ position }) => position?.accuracy ?? 0),
  };
}

function trackPoints(traces: readonly { readonly position?: Partial<Record<string, unknown>> }[]): TrackPoint[] {
  const points = traces.flatMap(({ position }) => {
    const { lat, lng, accuracy } = position ?? {};
    if (typeof lat !== 'number' || typeof lng !== 'number') return [];
    return [{ x: xOf(lng), y: yOf(lat), accuracy: typeof accuracy === 'number' ? accuracy : 0 }];
  });
  return points.reverse();
}

function boxOfTrack(points: readonly TrackPoint[]) {
  return around(
    points.map(({ x }) => x),
    points.map(({ y }) => y),
  );
}
