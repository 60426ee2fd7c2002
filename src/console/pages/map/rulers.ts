// Round numbers for the scale bar and the graticule.

/** The largest of 1, 2, 5 · 10^n that is at most `most`. */
export function roundBelow(most: number): number {
  const power = 10 ** Math.floor(Math.log10(most));
  const lead = most / power;
  return (lead >= 5 ? 5 : lead >= 2 ? 2 : 1) * power;
}

const DEGREES = [30, 15, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001];

/** Degrees between two lines of longitude that are at least `leastPx` apart. `world`: its width in px. */
export function graticuleStep(world: number, leastPx: number): number {
  const least = (leastPx / world) * 360;
  return DEGREES.findLast((step) => step >= least) ?? 30;
}

/** Whole steps from `from` to `to`, bounded. */
export function steps(from: number, to: number, step: number): number[] {
  const found: number[] = [];
  for (let at = Math.ceil(from / step); at * step <= to && found.length < 100; at++) found.push(at * step);
  return found;
}

/** For example `48.5° N`. */
export function degreesText(value: number, step: number, positive: string, negative: string): string {
  const decimals = step >= 1 ? 0 : Math.min(3, Math.ceil(-Math.log10(step)));
  const shown = Math.abs(value).toFixed(decimals);
  return Number(shown) === 0 ? '0°' : `${shown}° ${value > 0 ? positive : negative}`;
}
