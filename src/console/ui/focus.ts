// Whoever goes by keys keeps a place: what had the focus may go away with what was done to it.

/** After the dialog that is closing has given back the focus, as far as it could. */
const SETTLED_MS = 50;

/** Nothing has the focus: `next` gets it. Where something has, it stays. */
export function focusIfLost(next: () => HTMLElement | null | undefined): void {
  setTimeout(() => {
    if (document.activeElement === document.body) next()?.focus();
  }, SETTLED_MS);
}
