// The colours of the map, by the theme: a canvas knows no custom properties.

const NAMES = {
  sea: '--map-sea',
  land: '--map-land',
  coast: '--map-coast',
  border: '--map-border',
  name: '--map-name',
  grid: '--map-grid',
  ink: '--ink',
  surface: '--surface',
  hour: '--map-hour',
  day: '--map-day',
  older: '--map-older',
  mark: '--map-mark',
  track: '--map-track',
} as const;

export type Palette = Readonly<Record<keyof typeof NAMES, string>> & { readonly font: string };

/** `light-dark()` is resolved where it is used as a colour, so it is used for a moment. */
export function paletteOf(element: HTMLElement): Palette {
  const before = element.style.color;
  const colours = Object.entries(NAMES).map(([name, property]) => {
    element.style.color = `var(${property})`;
    return [name, getComputedStyle(element).color];
  });
  element.style.color = before;
  return { ...Object.fromEntries(colours), font: getComputedStyle(element).fontFamily } as Palette;
}
