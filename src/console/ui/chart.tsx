// A line chart over time (uPlot). Drawn anew when its data or the colour scheme change; it says its figures in words besides.
import { type ReactNode, useEffect, useRef } from 'react';
import UPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { formatMinute, formatShort, formatTime, text } from '../text/text.ts';

export interface ChartSeries {
  readonly label: string;
  /** A name of theme.css. */
  readonly color: 'good' | 'bad' | 'accent';
  readonly values: readonly number[];
}

export interface ChartProps {
  readonly label: string;
  /** Seconds since the epoch, ascending. */
  readonly times: readonly number[];
  readonly series: readonly ChartSeries[];
  /** How much time the chart shows, up to now, in seconds. */
  readonly spanS: number;
}

const HEIGHT = 170;

export function Chart({ label, times, series, spanS }: ChartProps): ReactNode {
  const place = useRef<HTMLDivElement>(null);
  const shape = series.map((each) => each.label).join();
  const plot = useRef<UPlot | null>(null);
  const data = useRef<UPlot.AlignedData>([[]]);
  data.current = [[...times], ...series.map((each) => [...each.values])];
  const colours = useRef(series);
  colours.current = series;

  // biome-ignore lint/correctness/useExhaustiveDependencies: built anew for another set of lines only
  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    const build = (): void => {
      plot.current?.destroy();
      plot.current = new UPlot(optionsOf(element, colours.current, spanS), data.current, element);
    };
    build();
    const resized = new ResizeObserver(() => plot.current?.setSize({ width: element.clientWidth, height: HEIGHT }));
    resized.observe(element);
    scheme.addEventListener('change', build);
    return () => {
      scheme.removeEventListener('change', build);
      resized.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [shape, spanS]);

  useEffect(() => plot.current?.setData(data.current));

  return <div ref={place} className="chart" role="img" aria-label={describe(label, series)} />;
}

function describe(label: string, series: readonly ChartSeries[]): string {
  const sums = series.map(
    (each) => `${each.label}: ${formatShort(each.values.reduce((sum, value) => sum + value, 0))}`,
  );
  return `${label}. ${sums.join(', ')}`;
}

function optionsOf(element: HTMLElement, series: readonly ChartSeries[], spanS: number): UPlot.Options {
  const style = getComputedStyle(element);
  // `light-dark()` is resolved where it is used as a colour, not in a property of one's own.
  const resolve = (name: string): string => {
    element.style.color = `var(--${name})`;
    const { color } = getComputedStyle(element);
    element.style.color = '';
    return color;
  };
  const [ink, line] = [resolve('ink-2'), resolve('line')];
  const axis: UPlot.Axis = {
    stroke: ink,
    grid: { stroke: line, width: 1 },
    ticks: { stroke: line },
    font: `12px ${style.fontFamily}`,
  };
  return {
    width: element.clientWidth,
    height: HEIGHT,
    cursor: { drag: { x: false, y: false } },
    scales: {
      x: { range: () => [Date.now() / 1000 - spanS, Date.now() / 1000] },
      y: { range: (_plot, _min, max) => [0, Math.max(1, max * 1.1)] },
    },
    axes: [
      { ...axis, space: 70, values: (_plot, ticks) => ticks.map((tick) => formatMinute(tick * 1000)) },
      { ...axis, size: 60, values: (_plot, ticks) => ticks.map((tick) => formatShort(tick)) },
    ],
    series: [
      { label: text.metrics.time, value: (_plot, at) => (at === null ? text.common.none : formatTime(at * 1000)) },
      ...series.map((each) => ({
        label: each.label,
        stroke: resolve(each.color),
        width: 2,
        points: { show: each.values.length < 3 },
      })),
    ],
  };
}
