// Regular expressions from definitions: a subset whose matching time is bounded, so that no definition can hang the worker.
// Only single characters may be repeated and only three of them without a bound: backtracking is at most cubic in a short text.

export interface SafeRegex {
  /** The whole text, as in ThingPark's patterns. Texts that are too long do not match. */
  matches(text: string): boolean;
}

const MAX_PATTERN = 100;
const MAX_TEXT = 200;
const MAX_UNBOUNDED = 3;
const MAX_OPTIONAL = 8;
const MAX_COUNT = 50;

const RULES =
  `a pattern may hold characters, ".", classes, groups with |, and * + ? {n} after one character or class ` +
  `(at most ${MAX_UNBOUNDED} times * or +), no look-around and no back-references`;

/** The compiled pattern, or in words what is allowed. */
export function compileSafeRegex(source: string, ignoreCase: boolean): SafeRegex | string {
  if (source.length > MAX_PATTERN) return `a pattern of more than ${MAX_PATTERN} characters`;
  const problem = check(source);
  if (problem !== null) return `${problem}: ${RULES}`;
  let regex: RegExp;
  try {
    regex = new RegExp(`^(?:${source})$`, ignoreCase ? 'isu' : 'su');
  } catch {
    return `/${source}/ is not a regular expression: ${RULES}`;
  }
  return { matches: (text) => text.length <= MAX_TEXT && regex.test(text) };
}

function check(source: string): string | null {
  let unbounded = 0;
  let optional = 0;
  let afterGroup = false;
  let i = 0;
  while (i < source.length) {
    const char = source[i] as string;
    if (char === '\\') {
      const next = source[i + 1] ?? '';
      if (/[1-9k]/.test(next)) return 'a back-reference';
      afterGroup = false;
      i += 2;
    } else if (char === '[') {
      i = endOfClass(source, i) + 1;
      afterGroup = false;
      if (i === 0) return 'a class without its ]';
    } else if (char === '(') {
      if (source[i + 1] === '?' && source[i + 2] !== ':') return 'a look-around or named group';
      i += source[i + 1] === '?' ? 3 : 1;
      afterGroup = false;
    } else if (char === ')') {
      afterGroup = true;
      i += 1;
    } else if (char === '*' || char === '+' || char === '?' || char === '{') {
      if (afterGroup) return 'a group that is repeated';
      const count = char === '{' ? COUNT.exec(source.slice(i)) : null;
      if (char === '{' && count === null) return 'a { that is not a count';
      if (count !== null && Number(count[1]) + Number(count[2] ?? 0) > MAX_COUNT) return `a count above ${MAX_COUNT}`;
      if (char === '?') optional += 1;
      else if (count === null || count[0].includes(',')) unbounded += 1;
      i += count === null ? 1 : count[0].length;
      // A lazy or repeated quantifier adds nothing but cost.
      if (/[*+?{]/.test(source[i] ?? '')) return 'a quantifier after a quantifier';
    } else {
      afterGroup = false;
      i += 1;
    }
  }
  if (unbounded > MAX_UNBOUNDED) return `more than ${MAX_UNBOUNDED} open repetitions`;
  return optional > MAX_OPTIONAL ? `more than ${MAX_OPTIONAL} times ?` : null;
}
const COUNT = /^\{(\d{1,3})(?:,(\d{0,3}))?\}/;

function endOfClass(source: string, open: number): number {
  for (let i = open + 1; i < source.length; i++) {
    if (source[i] === '\\') i++;
    else if (source[i] === ']') return i;
  }
  return -1;
}
