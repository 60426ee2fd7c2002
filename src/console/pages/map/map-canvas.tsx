// The map to look at and to move: by pointer, wheel, touch and keys.
import { type KeyboardEvent, type PointerEvent, type ReactNode, type RefObject, useEffect, useRef } from 'react';
import { formatLength, formatShort, text } from '../../text/text.ts';
import { Button } from '../../ui/button.tsx';
import { MapController, type MapDevices } from './map-controller.ts';
import { latitudeOf, longitudeOf } from './mercator.ts';
import type { TrackPoint } from './painter.ts';

const words = text.map;
const STEP_PX = 80;
/** A press that moved less is a click. */
const CLICK_PX = 5;

export interface MapCanvasProps {
  readonly devices: MapDevices;
  readonly chosen: string | null;
  readonly track: readonly TrackPoint[];
  /** Several: they lie too near each other to be told apart; none: nothing was hit. */
  readonly onChoose: (devices: readonly string[]) => void;
  readonly controller: RefObject<MapController | null>;
  /** How near a single place is looked at at first; absent: so that streets would be seen. */
  readonly nearest?: number;
}

export function MapCanvas({ devices, chosen, track, onChoose, controller, nearest }: MapCanvasProps): ReactNode {
  const canvas = useRef<HTMLCanvasElement>(null);
  const pointers = useRef(new Map<number, { x: number; y: number; moved: number }>());

  useEffect(() => {
    const element = canvas.current;
    if (element === null) return;
    const map = new MapController(
      element,
      { compass: words.compass, lengthText: formatLength, countText: formatShort },
      // For those who look at the page by its elements.
      (view) => {
        element.dataset.zoom = view.zoom.toFixed(2);
        element.dataset.middle = `${latitudeOf(view.y).toFixed(3)} ${longitudeOf(view.x).toFixed(3)}`;
      },
      nearest,
    );
    controller.current = map;
    // React's wheel listeners are passive: the page would scroll along.
    const onWheel = (event: WheelEvent): void => {
      event.preventDefault();
      const pixels = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? event.deltaY * 16 : event.deltaY;
      const { x, y } = placeOf(element, event);
      map.zoomAt(Math.max(-1, Math.min(1, -pixels / 240)), x, y);
    };
    element.addEventListener('wheel', onWheel, { passive: false });
    return () => {
      element.removeEventListener('wheel', onWheel);
      map.stop();
      controller.current = null;
    };
  }, [controller, nearest]);

  useEffect(() => controller.current?.show(devices), [controller, devices]);
  useEffect(() => controller.current?.choose(chosen), [controller, chosen]);
  useEffect(() => controller.current?.track(track), [controller, track]);

  const click = (x: number, y: number): void => {
    const found = controller.current?.at(x, y) ?? null;
    if (found !== null && found.length > 1 && controller.current?.open(found) === true) return;
    onChoose(found ?? []);
  };

  const onPointerDown = (event: PointerEvent<HTMLCanvasElement>): void => {
    if (event.button !== 0) return;
    event.currentTarget.setPointerCapture(event.pointerId);
    pointers.current.set(event.pointerId, { ...placeOf(event.currentTarget, event), moved: 0 });
  };
  const onPointerMove = (event: PointerEvent<HTMLCanvasElement>): void => {
    const before = pointers.current.get(event.pointerId);
    const { x, y } = placeOf(event.currentTarget, event);
    if (before === undefined) {
      if (event.pointerType === 'mouse')
        event.currentTarget.style.cursor = controller.current?.at(x, y) == null ? 'grab' : 'pointer';
      return;
    }
    const other = [...pointers.current].find(([id]) => id !== event.pointerId)?.[1];
    if (other !== undefined) {
      const [was, is] = [Math.hypot(before.x - other.x, before.y - other.y), Math.hypot(x - other.x, y - other.y)];
      if (was > 0 && is > 0) controller.current?.zoomAt(Math.log2(is / was), (x + other.x) / 2, (y + other.y) / 2);
    }
    const share = other === undefined ? 1 : 0.5;
    controller.current?.pan((before.x - x) * share, (before.y - y) * share);
    const gone = Math.hypot(x - before.x, y - before.y);
    pointers.current.set(event.pointerId, { x, y, moved: before.moved + gone });
  };
  const onPointerUp = (event: PointerEvent<HTMLCanvasElement>): void => {
    const press = pointers.current.get(event.pointerId);
    pointers.current.delete(event.pointerId);
    if (press !== undefined && press.moved < CLICK_PX && event.type === 'pointerup') click(press.x, press.y);
  };
  const onKeyDown = (event: KeyboardEvent<HTMLCanvasElement>): void => {
    const map = controller.current;
    if (map === null || event.ctrlKey || event.metaKey || event.altKey) return;
    const run = actionOf(event.key, map, onChoose);
    if (run === null) return;
    event.preventDefault();
    run();
  };
  return (
    <div className="map">
      {/* biome-ignore lint/a11y/noInteractiveElementToNoninteractiveRole: no picture alone: it takes keys of its own */}
      <canvas
        ref={canvas}
        className="map-canvas"
        role="application"
        aria-label={words.canvas}
        aria-describedby="map-keys"
        tabIndex={0}
        onPointerDown={onPointerDown}
        onPointerMove={onPointerMove}
        onPointerUp={onPointerUp}
        onPointerCancel={onPointerUp}
        onKeyDown={onKeyDown}
      />
      <div className="map-buttons">
        <Button small label={words.zoomIn} onPress={() => controller.current?.zoom(1)}>
          +
        </Button>
        <Button small label={words.zoomOut} onPress={() => controller.current?.zoom(-1)}>
          −
        </Button>
        <Button small label={words.fitAll} onPress={() => controller.current?.fitAll()}>
          ⤢
        </Button>
      </div>
    </div>
  );
}

/** What a key does; null: it is none of the map's. */
function actionOf(key: string, map: MapController, onChoose: MapCanvasProps['onChoose']): (() => void) | null {
  switch (key) {
    case 'ArrowLeft':
      return () => map.pan(-STEP_PX, 0);
    case 'ArrowRight':
      return () => map.pan(STEP_PX, 0);
    case 'ArrowUp':
      return () => map.pan(0, -STEP_PX);
    case 'ArrowDown':
      return () => map.pan(0, STEP_PX);
    case '+':
    case '=':
      return () => map.zoom(1);
    case '-':
      return () => map.zoom(-1);
    case '0':
      return () => map.fitAll();
    case 'Enter':
      return () => {
        const { width, height } = map.view;
        const found = map.at(width / 2, height / 2, Math.min(width, height) / 2) ?? [];
        if (found.length < 2 || !map.open(found)) onChoose(found);
      };
    case 'Escape':
      return () => onChoose([]);
    default:
      return null;
  }
}

function placeOf(
  element: HTMLElement,
  { clientX, clientY }: { readonly clientX: number; readonly clientY: number },
): { x: number; y: number } {
  const { left, top } = element.getBoundingClientRect();
  return { x: clientX - left, y: clientY - top };
}
