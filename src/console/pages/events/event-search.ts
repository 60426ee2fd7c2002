// What the address of the events' page says of which events are shown: a reload and a link keep it.
import { EVENT_KINDS, type EventKind } from '../../../domain/events.ts';

export const SEVERITIES = ['info', 'warning', 'error'] as const;
/** ms. Counted back from now, also as time goes on. */
export const SPANS = { hour: 3_600_000, day: 86_400_000, week: 604_800_000 } as const;
export type Span = keyof typeof SPANS;

export interface EventSearch {
  /** Its id. */
  readonly connection?: string;
  readonly kind?: EventKind;
  readonly severity?: (typeof SEVERITIES)[number];
  readonly span?: Span | 'own';
  /** ISO 8601, both with `span` own; absent: open on that side. */
  readonly from?: string;
  readonly to?: string;
}

const CONNECTION_ID = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/;

/** Addresses are typed and cut by people: what is no filter is left out. */
export function eventSearchOf(given: Record<string, unknown>): EventSearch {
  // An id of digits alone comes as a number.
  const connection = given.connection === undefined ? '' : String(given.connection);
  const kind = EVENT_KINDS.find((each) => each === given.kind);
  const severity = SEVERITIES.find((each) => each === given.severity);
  const span = [...(Object.keys(SPANS) as Span[]), 'own' as const].find((each) => each === given.span);
  const [from, to] = span === 'own' ? [momentOf(given.from), momentOf(given.to)] : [];
  return {
    ...(CONNECTION_ID.test(connection) ? { connection } : {}),
    ...(kind === undefined ? {} : { kind }),
    ...(severity === undefined ? {} : { severity }),
    ...(span === undefined ? {} : { span }),
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
  };
}

/** ISO 8601, of what a field or an address says; undefined: no moment. */
export function momentOf(given: unknown): string | undefined {
  const ms = typeof given === 'string' ? Date.parse(given) : Number.NaN;
  return Number.isNaN(ms) ? undefined : new Date(ms).toISOString();
}

/** "2026-11-29T14:05" in the viewer's zone, as the browser's own field takes it; '' for none. */
export function localOf(iso: string | undefined): string {
  if (iso === undefined) return '';
  const time = new Date(iso);
  return new Date(time.getTime() - time.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

/** Such a span has nothing in it: the field says why. */
export function isBackwards({ from, to }: EventSearch): boolean {
  return from !== undefined && to !== undefined && from >= to;
}
