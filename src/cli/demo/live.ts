// Shows the demo while it runs: redraws in place on a terminal, prints a line every few seconds elsewhere.
import type { Cancel, Clock } from '../../domain/ports/clock.ts';
import type { DemoSnapshot } from './snapshot.ts';
import { renderLine, renderView } from './view.ts';

/** The part of a tty.WriteStream that is needed. */
export interface Screen {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): unknown;
}

export interface LiveViewOptions {
  readonly screen: Screen;
  readonly clock: Clock;
  /** See `wantsColour`. */
  readonly colour: boolean;
  readonly snapshot: () => DemoSnapshot;
  /** On a terminal 500, else 5000 by default. */
  readonly everyMs?: number;
}

export interface LiveView {
  start(): void;
  /** Draws a last time and gives the cursor back. */
  stop(): void;
}

const HIDE_CURSOR = '\u001b[?25l';
export const SHOW_CURSOR = '\u001b[?25h';
const CLEAR_BELOW = '\u001b[J';
const CLEAR_SCREEN = '\u001b[2J\u001b[H';

/** Colours only on a terminal, and never with `NO_COLOR` (no-color.org: set and not empty) or `TERM=dumb`. */
export function wantsColour(screen: Screen, env: Readonly<Record<string, string | undefined>>): boolean {
  return screen.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb';
}

export function createLiveView(options: LiveViewOptions): LiveView {
  const { screen, clock } = options;
  const everyMs = options.everyMs ?? (screen.isTTY ? 500 : 5000);
  let cancel: Cancel | null = null;
  let drawnLines = 0;
  let drawnColumns = 0;

  const draw = (): void => {
    const snapshot = options.snapshot();
    if (!screen.isTTY) {
      screen.write(`${renderLine(snapshot)}\n`);
      return;
    }
    // A terminal that does not know its size says 0 (a container's, a recording's).
    const columns = screen.columns || 80;
    // Lines that a narrower window has broken cannot be counted: begin anew.
    const resized = drawnLines > 0 && columns !== drawnColumns;
    const back = resized ? CLEAR_SCREEN : drawnLines > 0 ? `\u001b[${drawnLines}F${CLEAR_BELOW}` : '';
    // One line less than the window has, for the cursor's own.
    const rows = Math.max(1, (screen.rows || 24) - 1);
    const lines = renderView(snapshot, { columns, rows, colour: options.colour }).slice(0, rows);
    screen.write(`${back}${lines.join('\n')}\n`);
    drawnLines = lines.length;
    drawnColumns = columns;
  };
  const tick = (): void => {
    draw();
    cancel = clock.after(everyMs, tick);
  };
  return {
    start() {
      if (cancel !== null) return;
      if (screen.isTTY) screen.write(HIDE_CURSOR);
      tick();
    },
    stop() {
      if (cancel === null) return;
      cancel();
      cancel = null;
      draw();
      if (screen.isTTY) screen.write(SHOW_CURSOR);
    },
  };
}
