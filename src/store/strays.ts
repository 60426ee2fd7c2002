// Journal files that a start cannot place: they are set aside under another name, for a person to look at, and never removed. What they
// hold may be waiting, and nowhere else.
import path from 'node:path';
import { describeError } from '../domain/errors.ts';
import type { Disk } from './disk.ts';
import type { ReportIncident } from './incidents.ts';

const REASONS = {
  foreign: 'of another connection',
  twin: 'with sequence numbers that another file has as well',
  gone: 'with messages that the database takes for settled, though its counts do not agree',
} as const;

export interface Stray {
  readonly name: string;
  readonly why: keyof typeof REASONS;
}

export interface StrayOptions {
  readonly id: string;
  readonly disk: Disk;
  readonly directory: string;
  readonly report: ReportIncident;
}

/** Tells of them too. One that cannot be renamed stays as it is: nothing reads it, and the next start tries again. */
export async function setStraysAside(options: StrayOptions, strays: readonly Stray[]): Promise<void> {
  if (strays.length === 0) return;
  const { disk, directory } = options;
  const taken = new Set((await disk.list(directory)).map(({ name }) => name));
  for (const why of Object.keys(REASONS) as (keyof typeof REASONS)[]) {
    const names: string[] = [];
    let failure: unknown = null;
    for (const { name } of strays.filter((stray) => stray.why === why)) {
      let aside = `${name}.corrupt`;
      for (let n = 2; taken.has(aside); n++) aside = `${name}.${n}.corrupt`;
      try {
        disk.replaceSync(path.join(directory, name), path.join(directory, aside));
        names.push(aside);
      } catch (error) {
        failure = error;
        names.push(name);
      }
    }
    if (names.length > 0) tell(options, why, names, failure);
  }
}

function tell({ id, report }: StrayOptions, why: Stray['why'], names: readonly string[], failure: unknown): void {
  const which = names.length === 1 ? names[0] : `${names[0]} and ${names.length - 1} more`;
  const what =
    failure === null ? 'set aside, not read' : `not read, nor could be set aside (${describeError(failure)})`;
  report({
    kind: 'journalDamaged',
    connectionId: id,
    lost: 0,
    message:
      `In the journal of ${id} there are files ${REASONS[why]}. They are ${what}: ${which}. ` +
      'Messages in them may not have been sent.',
  });
}
