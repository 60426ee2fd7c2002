// What passed in the last hour and day: figures of a connection, and the devices that it has heard.

export const FIGURES = [
  'received',
  'delivered',
  'expired',
  'filtered',
  'skipped',
  'deadLettered',
  'downlinks',
] as const;
export type Figure = (typeof FIGURES)[number];
export type Figures = Readonly<Record<Figure, number>>;

export interface FigurePoint extends Figures {
  /** Wall-clock ms at which the step begins. */
  readonly at: number;
}

export interface FigureSeries {
  readonly stepMs: number;
  /** The oldest first; steps in which nothing was noted (the worker was down) are left out. */
  readonly points: readonly FigurePoint[];
  /** Of the whole period. */
  readonly total: Figures;
}

export interface ConnectionFigures {
  /** Uplinks received, commands published, devices heard. */
  readonly uplinks: { readonly hour: number; readonly day: number };
  readonly downlinks: { readonly hour: number; readonly day: number };
  readonly activeThings: { readonly hour: number; readonly day: number };
}

/** A device as this connection has heard it, since it is remembered; not those that its matchers leave out. */
export interface SeenDevice {
  readonly device: string;
  /** Wall-clock ms. */
  readonly firstAt: number;
  readonly lastAt: number;
  readonly uplinks: number;
}

/** Each null: there is no such connection here. */
export interface FiguresControl {
  figures(connectionId: string): ConnectionFigures | null;
  series(connectionId: string, period: 'hour' | 'day'): FigureSeries | null;
  /** In the order of DevEUIs, after this one. */
  devices(connectionId: string, after: string | null, limit: number): readonly SeenDevice[] | null;
  device(connectionId: string, device: string): SeenDevice | null;
}
