// Regular expressions from definitions, matched without backtracking: all ways through a pattern are followed at once, so a match
// takes at most characters × steps of the pattern, and no definition can hang the worker. JavaScript's own engine tries one way
// after the other, which takes for ever on patterns as harmless to look at as `a*a*(a|b)(a|b)…`.

export interface SafeRegex {
  /** The whole text, as in ThingPark's patterns. Texts that are too long do not match, nor does anything without work left. */
  matches(text: string, work: Work): boolean;
}

/** How many steps may still be taken; below 0: none. One allowance for all that is looked for together. */
export interface Work {
  left: number;
}

const MAX_PATTERN = 100;
const MAX_TEXT = 200;
/** Of all counts of a pattern together: each is so many steps. */
const MAX_COUNTED = 50;

const RULES =
  'a pattern may hold characters, ".", classes, groups with |, and * + ? {n} after one character or class ' +
  `(counts of at most ${MAX_COUNTED} together), no look-around and no back-references`;

type Node =
  | { readonly kind: 'one'; readonly accepts: (character: string) => boolean }
  | { readonly kind: 'place'; readonly holds: (characters: readonly string[], at: number) => boolean }
  | { readonly kind: 'row'; readonly nodes: readonly Node[] }
  | { readonly kind: 'either'; readonly nodes: readonly Node[] }
  /** `most` null: without end. */
  | { readonly kind: 'times'; readonly node: Node; readonly least: number; readonly most: number | null };

/** A place in the pattern: behind it `next`, after a character that it accepts, or at once where it wants none. */
interface Step {
  readonly accepts: ((character: string) => boolean) | null;
  readonly holds: ((characters: readonly string[], at: number) => boolean) | null;
  readonly next: Step[];
  /** The last round in which it was reached. */
  reached: number;
}

/** The compiled pattern, or in words what is allowed. */
export function compileSafeRegex(source: string, ignoreCase: boolean): SafeRegex | string {
  if (source.length > MAX_PATTERN) return `a pattern of more than ${MAX_PATTERN} characters`;
  const flags = ignoreCase ? 'isu' : 'su';
  try {
    new RegExp(source, flags);
  } catch {
    return `/${source}/ is not a regular expression: ${RULES}`;
  }
  try {
    const node = new Parser(source, flags).parse();
    const end = step(null, null, []);
    const first = stepsOf(node, end);
    return {
      matches(text, work) {
        work.left -= 1;
        if (text.length > MAX_TEXT || work.left < 0) return false;
        // Its characters are parted first.
        work.left -= text.length >> 2;
        return walk(first, end, [...text], work);
      },
    };
  } catch (error) {
    if (!(error instanceof NotAllowed)) throw error;
    return `${error.message}: ${RULES}`;
  }
}

class NotAllowed extends Error {}

/** Of patterns that JavaScript takes: what is wrong in one need not be found here. */
class Parser {
  readonly #source: string;
  readonly #flags: string;
  #at = 0;
  #counted = 0;

  constructor(source: string, flags: string) {
    this.#source = source;
    this.#flags = flags;
  }

  parse(): Node {
    return this.#either();
  }

  #either(): Node {
    const nodes = [this.#row()];
    while (this.#take('|')) nodes.push(this.#row());
    return nodes.length === 1 ? (nodes[0] as Node) : { kind: 'either', nodes };
  }

  #row(): Node {
    const nodes: Node[] = [];
    while (this.#at < this.#source.length && !this.#is('|') && !this.#is(')')) nodes.push(this.#item());
    return { kind: 'row', nodes };
  }

  #item(): Node {
    if (this.#take('(')) {
      if (this.#is('?') && !this.#take('?:')) throw new NotAllowed('a look-around or named group');
      const inside = this.#either();
      this.#take(')');
      if (/[*+?{]/.test(this.#source[this.#at] ?? '')) throw new NotAllowed('a group that is repeated');
      return inside;
    }
    const atom = this.#match(ATOM);
    if (/^\\[1-9k]/.test(atom)) throw new NotAllowed('a back-reference');
    return this.#place(atom) ?? this.#times({ kind: 'one', accepts: this.#accepts(atom) });
  }

  /** `^`, `$`, `\b`, `\B`; null: it is a character. */
  #place(atom: string): Node | null {
    if (atom === '^') return { kind: 'place', holds: (_, at) => at === 0 };
    if (atom === '$') return { kind: 'place', holds: (characters, at) => at === characters.length };
    if (atom !== '\\b' && atom !== '\\B') return null;
    const word = new RegExp('\\w', this.#flags);
    const isBorder = (characters: readonly string[], at: number): boolean =>
      word.test(characters[at - 1] ?? '') !== word.test(characters[at] ?? '');
    return { kind: 'place', holds: (characters, at) => isBorder(characters, at) === (atom === '\\b') };
  }

  /** What one character may be is JavaScript's to say. */
  #accepts(atom: string): (character: string) => boolean {
    if (atom === '.') return () => true;
    if (!this.#flags.includes('i') && !/^[\\[]/.test(atom)) return (character) => character === atom;
    const regex = new RegExp(`^${atom}$`, this.#flags);
    return (character) => regex.test(character);
  }

  #times(node: Node): Node {
    const quantifier = this.#match(QUANTIFIER);
    if (quantifier === '') return node;
    // A lazy quantifier matches the same texts.
    if (this.#is('?')) throw new NotAllowed('a quantifier after a quantifier');
    if (quantifier === '*') return { kind: 'times', node, least: 0, most: null };
    if (quantifier === '+') return { kind: 'times', node, least: 1, most: null };
    if (quantifier === '?') return { kind: 'times', node, least: 0, most: 1 };
    const [least = 0, most = null] = quantifier
      .slice(1, -1)
      .split(',')
      .map((count) => (count === '' ? null : Number(count)));
    const last = quantifier.includes(',') ? most : least;
    this.#counted += Math.max(least ?? 0, last ?? 0);
    if (this.#counted > MAX_COUNTED) throw new NotAllowed(`counts above ${MAX_COUNTED}`);
    return { kind: 'times', node, least: least ?? 0, most: last };
  }

  #is(text: string): boolean {
    return this.#source.startsWith(text, this.#at);
  }

  #take(text: string): boolean {
    if (!this.#is(text)) return false;
    this.#at += text.length;
    return true;
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const [found = ''] = pattern.exec(this.#source) ?? [];
    this.#at += found.length;
    return found;
  }
}
/** A class, an escape (of a character beyond U+FFFF in two halves too), or a character. */
const ATOM =
  /\[(?:\\.|[^\\\]])*\]|\\ud[89ab][\da-f]{2}\\ud[c-f][\da-f]{2}|\\(?:u\{[^}]*\}|[pP]\{[^}]*\}|u[\da-f]{4}|x[\da-f]{2}|c[a-z]|.)|./isuy;
const QUANTIFIER = /[*+?]|\{\d+(?:,\d*)?\}|/y;

function step(accepts: Step['accepts'], holds: Step['holds'], next: Step[]): Step {
  return { accepts, holds, next, reached: 0 };
}

/** The first step of the node, with `next` behind it. */
function stepsOf(node: Node, next: Step): Step {
  switch (node.kind) {
    case 'one':
      return step(node.accepts, null, [next]);
    case 'place':
      return step(null, node.holds, [next]);
    case 'row':
      return node.nodes.reduceRight((behind, each) => stepsOf(each, behind), next);
    case 'either':
      return step(
        null,
        null,
        node.nodes.map((each) => stepsOf(each, next)),
      );
    case 'times': {
      let first = next;
      if (node.most === null) {
        first = step(null, null, [next]);
        first.next.push(stepsOf(node.node, first));
      }
      for (let i = node.least; i < (node.most ?? 0); i++) first = step(null, null, [next, stepsOf(node.node, first)]);
      for (let i = 0; i < node.least; i++) first = stepsOf(node.node, first);
      return first;
    }
  }
}

/** Rounds of all walks: a step remembers the one in which it was reached, so that nothing is cleared between them. */
let round = 0;

function walk(first: Step, end: Step, characters: readonly string[], work: Work): boolean {
  let reached: Step[] = [];
  const reach = (next: Step, at: number, into: Step[]): void => {
    work.left -= 1;
    if (next.reached === round) return;
    next.reached = round;
    if (next.holds !== null && !next.holds(characters, at)) return;
    if (next.accepts !== null || next === end) into.push(next);
    else for (const each of next.next) reach(each, at, into);
  };
  round += 1;
  reach(first, 0, reached);
  for (const [at, character] of characters.entries()) {
    work.left -= reached.length;
    if (reached.length === 0 || work.left < 0) return false;
    round += 1;
    const into: Step[] = [];
    for (const each of reached) {
      if (each.accepts?.(character) === true) for (const next of each.next) reach(next, at + 1, into);
    }
    reached = into;
  }
  return work.left >= 0 && reached.includes(end);
}
