// Whether the settings of an uplink topic keep what comes until the bridge has read it: others own such a topic, so what is wrong
// with it is told and never changed.

/** What is asked of a topic. */
export const RETENTION_SETTINGS = ['cleanup.policy', 'retention.ms', 'retention.bytes', 'min.compaction.lag.ms'];

export interface Keeping {
  readonly settings: ReadonlyMap<string, string | null>;
  /** How long a bridge may be away without a loss. */
  readonly keepMs: number;
  /** Of the partition with the most, in the last hour. */
  readonly uplinksPerHour: number;
}

export interface Retention {
  /** What is wrong and what it risks, one sentence each. */
  readonly problems: readonly string[];
  /** The settings that mend it. */
  readonly mends: Readonly<Record<string, string>>;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Less than a day is told: nobody looks after a bridge at night. */
export const KEEP_MS = DAY_MS;
/** Kafka's own default. */
const USUAL_MS = String(7 * DAY_MS);
/** Of a usual uplink in JSON, uncompressed. */
const UPLINK_BYTES = 1000;
/** Where nothing has come yet. */
const ASSUMED_PER_HOUR = 3600;

export function judgeRetention({ settings, keepMs, uplinksPerHour }: Keeping): Retention {
  const problems: string[] = [];
  const mends: Record<string, string> = {};
  const policy = settings.get('cleanup.policy') ?? '';
  const policies = policy.split(',').map((each) => each.trim());
  // Compaction leaves alone what is younger than its lag.
  if (policies.includes('compact') && numberOf(settings, 'min.compaction.lag.ms', 0) < keepMs) {
    problems.push(
      `cleanup.policy is "${policy}" and must be "delete": of each key Kafka keeps the last uplink alone, and drops older ones before the bridge has read them.`,
    );
    mends['cleanup.policy'] = 'delete';
  }
  if (!policies.includes('delete')) return { problems, mends };
  const ageMs = numberOf(settings, 'retention.ms', -1);
  if (ageMs >= 0 && ageMs < keepMs) {
    problems.push(`retention.ms is ${ageMs}: a bridge that is away for longer than ${span(ageMs)} loses uplinks.`);
    mends['retention.ms'] = USUAL_MS;
  }
  const bytes = numberOf(settings, 'retention.bytes', -1);
  const perHour = uplinksPerHour > 0 ? uplinksPerHour : ASSUMED_PER_HOUR;
  const fullMs = (bytes / UPLINK_BYTES / perHour) * HOUR_MS;
  if (bytes >= 0 && fullMs < keepMs) {
    const rate = uplinksPerHour > 0 ? 'at the pace of the last hour' : 'at one a second';
    problems.push(
      `retention.bytes is ${bytes} for each partition: ${rate}, with 1 kB each, a bridge that is away for longer than ${span(fullMs)} loses uplinks.`,
    );
    mends['retention.bytes'] = '-1';
  }
  return { problems, mends };
}

/** Whether it takes more than the settings to judge it. */
export function isBoundBySize(settings: ReadonlyMap<string, string | null>): boolean {
  return numberOf(settings, 'retention.bytes', -1) >= 0;
}

function numberOf(settings: ReadonlyMap<string, string | null>, name: string, otherwise: number): number {
  const value = settings.get(name) ?? null;
  return value === null || !/^-?\d+$/.test(value) ? otherwise : Number(value);
}

/** Rounded down: who comes back by then has lost nothing. */
function span(ms: number): string {
  if (ms < 120_000) return `${Math.floor(ms / 1000)} s`;
  return ms < 2 * HOUR_MS ? `${Math.floor(ms / 60_000)} min` : `${Math.floor(ms / HOUR_MS)} h`;
}
