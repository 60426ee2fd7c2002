// Words by which a device says that it has no fix.
import { bool } from '../values.ts';
import { MEANING } from './keys.ts';

const NO_ERROR = /\b(?:no|not|without|did not|didn't|never) (?:error|fail)/;
const NO_FIX =
  /\b(?:no|not|without|lost) ?(?:gps |gnss |3d |2d )?(?:fix|valid|position|gps|gnss|signal|available|found|located|satellites?)|invalid|\bfail|time ?d? ?out|unavailable|searching|last known|^(?:none|no|false|error|unknown|off|v|nofix)$/;
/** Under a name like `position` many texts stand that have nothing to do with a fix ("tilt", "normal"). */
const NO_PLACE = /\b(?:no|not|without) ?(?:gps |gnss )?(?:fix|signal|position|valid)|fix ?fail|invalid/;

function words(value: string): string {
  return value.slice(0, 64).toLowerCase().replace(/[_-]+/g, ' ').trim();
}

/** Of one meaning: what its few texts say, so that each is read once. */
const known = new Map<string, string | null>();
const MOST_KNOWN = 500;

/** Why the field says that the fix failed; null: it does not. */
export function badFix(meaning: number, key: string, value: unknown): string | null {
  if (typeof value !== 'string' || meaning !== MEANING.fixText || value.length > 24) return judge(meaning, key, value);
  let said = known.get(value);
  if (said === undefined) {
    said = judge(meaning, '', value);
    if (known.size < MOST_KNOWN) known.set(value, said);
  }
  return said === null ? null : key + said;
}

function judge(meaning: number, key: string, value: unknown): string | null {
  if (meaning === MEANING.fixFailed) return bool(value) === true ? `${key} is true` : null;
  if (meaning === MEANING.fixValid && bool(value) !== null) return bool(value) === false ? `${key} is false` : null;
  if (value === false && meaning === MEANING.fixText) return `${key} is false`;
  if (typeof value !== 'string') return null;
  if (meaning === MEANING.fixText || meaning === MEANING.fixValid || meaning === MEANING.place) {
    const said = words(value);
    if (NO_ERROR.test(said)) return null;
    return (meaning === MEANING.place ? NO_PLACE : NO_FIX).test(said) ? `${key} says "${said}"` : null;
  }
  return null;
}

/** Abeeway's positions have a closed set of statuses; elsewhere `status` may be about anything. */
export function badStatus(status: string, isAbeeway: boolean): string | null {
  if (status === 'SUCCESS') return null;
  const said = words(status);
  return isAbeeway || (NO_FIX.test(said) && !NO_ERROR.test(said)) ? `status is "${said}", not SUCCESS` : null;
}
