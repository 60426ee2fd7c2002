// Where a position is, on a small map; it is loaded only when there is a position to show.
import { type ReactNode, useEffect, useMemo, useRef } from 'react';
import { text } from '../../text/text.ts';
import { MapCanvas } from '../map/map-canvas.tsx';
import type { MapController, MapDevices } from '../map/map-controller.ts';
import { xOf, yOf } from '../map/mercator.ts';
import type { TriedPlace } from './tried-place.ts';
import '../map/map.css';

/** The country around it is in view. */
const ZOOM = 5.5;
const NO_TRACK = [] as const;

export interface PlaceMapProps {
  /** The device, for those who look at the map with a program of theirs. */
  readonly name: string;
  readonly place: TriedPlace;
}

export function PlaceMap({ name, place }: PlaceMapProps): ReactNode {
  const controller = useRef<MapController | null>(null);
  const { lat, lng, accuracy } = place;
  const devices: MapDevices = useMemo(
    () => ({
      names: [name],
      xs: Float64Array.of(xOf(lng)),
      ys: Float64Array.of(yOf(lat)),
      times: Float64Array.of(Date.now()),
      accuracies: Float64Array.of(accuracy ?? 0),
    }),
    [name, lat, lng, accuracy],
  );
  const isFirst = useRef(true);
  // The map is drawn while one types: another place is flown to.
  useEffect(() => {
    if (!isFirst.current) controller.current?.goTo(devices.names[0] ?? '');
    isFirst.current = false;
  }, [devices]);
  return (
    <div className="map-small">
      <MapCanvas
        devices={devices}
        chosen={name}
        track={NO_TRACK}
        onChoose={() => {}}
        controller={controller}
        nearest={ZOOM}
      />
      <p id="map-keys" className="visually-hidden">
        {text.map.keys}
      </p>
    </div>
  );
}
