// The place that a record for HERE names, in the record's own fields.
import type { TriedField } from '../../api/trial.ts';

export interface TriedPlace {
  /** Degrees. */
  readonly lat: number;
  readonly lng: number;
  /** Metres; null: not told. */
  readonly accuracy: number | null;
}

export function placeOf(record: unknown): TriedPlace | null {
  if (typeof record !== 'object' || record === null) return null;
  const { position } = record as { readonly position?: unknown };
  if (typeof position !== 'object' || position === null) return null;
  const { lat, lng, accuracy } = position as Readonly<Record<string, unknown>>;
  if (typeof lat !== 'number' || typeof lng !== 'number') return null;
  return { lat, lng, accuracy: typeof accuracy === 'number' ? accuracy : null };
}

/** What was looked at for a position and not taken, with the reasons. */
export function withoutPlace(fields: readonly TriedField[]): TriedField['passedOver'] {
  return fields.find(({ field }) => field === 'position')?.passedOver ?? [];
}
