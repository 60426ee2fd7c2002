// The part of JSONPath that topic patterns need: names, wildcards, indexes, `..` and filters. Parsed once, nothing evaluated.
// Own code, since the maintained libraries either run filters as JavaScript (with a history of escapes) or lack `=~`.
import { compileSafeRegex, type SafeRegex, type Work } from './safe-regex.ts';
import { isObject } from './values.ts';

export const JSON_PATH_GRAMMAR =
  "a JSONPath of .name, ['name'], [0], [*], ..name and filters such as [?(@ =~ /Paris:.*/)] or [?(@.n == 'Site')]";

type Step =
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'index'; readonly index: number }
  | { readonly kind: 'all' }
  | { readonly kind: 'deep' }
  | { readonly kind: 'filter'; readonly any: readonly (readonly Test[])[] };

interface Test {
  readonly left: Operand;
  /** `exists`: the left side stands alone. */
  readonly operator: '==' | '!=' | '<' | '<=' | '>' | '>=' | '=~' | 'exists';
  readonly right: Operand | null;
  readonly regex: SafeRegex | null;
}

type Operand =
  | { readonly kind: 'literal'; readonly value: string | number | boolean | null }
  | { readonly kind: 'path'; readonly steps: readonly Step[] };

export interface JsonPath {
  /**
   * The values at the path in document order, at most `MAX_VALUES`: those that were found before `work` was used up. Each node,
   * condition and step of a pattern takes of it.
   */
  values(root: unknown, work: Work): readonly unknown[];
}

/** `message` says what is wrong at which place. */
export class JsonPathError extends Error {}

const MAX_LENGTH = 500;
const MAX_STEPS = 20;
const MAX_VALUES = 50;
const NAME = /[A-Za-z_\u0080-\uffff][\w\u0080-\uffff-]*/y;
const INTEGER = /-?\d{1,6}(?!\d)/y;
const NUMBER = /-?\d{1,15}(?:\.\d{1,15})?(?![\d.])/y;
const WORD = /true|false|null/y;
const OPERATOR = /==|!=|<=|>=|=~|<|>/y;

/** @throws JsonPathError */
export function compileJsonPath(text: string): JsonPath {
  if (text.length > MAX_LENGTH) throw new JsonPathError(`a path of more than ${MAX_LENGTH} characters`);
  const steps = new Parser(text).parse();
  return { values: (root, work) => walk(root, steps, work) };
}

class Parser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  parse(): readonly Step[] {
    this.#blanks();
    const steps: Step[] = [];
    if (!this.#take('$')) steps.push({ kind: 'name', name: this.#match(NAME) ?? this.#fail('a name or $') });
    this.#steps(steps);
    this.#blanks();
    if (this.#at < this.#text.length) this.#fail('the end of the path');
    return steps;
  }

  #steps(steps: Step[]): void {
    for (;;) {
      if (steps.length > MAX_STEPS) throw new JsonPathError(`more than ${MAX_STEPS} steps`);
      if (this.#take('..')) {
        steps.push({ kind: 'deep' });
        if (!this.#at_('[')) steps.push(this.#nameOrAll());
      } else if (this.#take('.')) steps.push(this.#nameOrAll());
      else if (this.#take('[')) {
        steps.push(this.#bracket());
        this.#blanks();
        if (!this.#take(']')) this.#fail(']');
      } else return;
    }
  }

  #nameOrAll(): Step {
    if (this.#take('*')) return { kind: 'all' };
    return { kind: 'name', name: this.#match(NAME) ?? this.#fail('a name or *') };
  }

  #bracket(): Step {
    this.#blanks();
    if (this.#take('*')) return { kind: 'all' };
    if (this.#take('?')) {
      this.#blanks();
      const isWrapped = this.#take('(');
      const any = this.#either();
      this.#blanks();
      if (isWrapped && !this.#take(')')) this.#fail(')');
      return { kind: 'filter', any };
    }
    const name = this.#quoted();
    if (name !== null) return { kind: 'name', name };
    return { kind: 'index', index: Number(this.#match(INTEGER) ?? this.#fail("'name', a number, * or ?()")) };
  }

  #either(): Test[][] {
    const any: Test[][] = [this.#both()];
    while (this.#blanks() && this.#take('||')) any.push(this.#both());
    return any;
  }

  #both(): Test[] {
    const all: Test[] = [this.#test()];
    while (this.#blanks() && this.#take('&&')) all.push(this.#test());
    if (all.length > MAX_STEPS) throw new JsonPathError(`more than ${MAX_STEPS} conditions`);
    return all;
  }

  #test(): Test {
    const left = this.#operand();
    this.#blanks();
    const operator = this.#match(OPERATOR) as Test['operator'] | null;
    if (operator === null) return { left, operator: 'exists', right: null, regex: null };
    this.#blanks();
    if (operator === '=~') return { left, operator, right: null, regex: this.#regex() };
    return { left, operator, right: this.#operand(), regex: null };
  }

  #operand(): Operand {
    this.#blanks();
    if (this.#take('@')) {
      const steps: Step[] = [];
      this.#steps(steps);
      if (steps.some(({ kind }) => kind !== 'name' && kind !== 'index')) this.#fail('@ with names or indexes only');
      return { kind: 'path', steps };
    }
    const text = this.#quoted();
    if (text !== null) return { kind: 'literal', value: text };
    const word = this.#match(WORD);
    if (word !== null) return { kind: 'literal', value: JSON.parse(word) };
    return { kind: 'literal', value: Number(this.#match(NUMBER) ?? this.#fail('@, a text in quotes or a number')) };
  }

  #regex(): SafeRegex {
    if (!this.#take('/')) this.#fail('a pattern such as /Paris:.*/');
    const end = endOfRegex(this.#text, this.#at);
    if (end < 0) this.#fail('the / that ends the pattern');
    const source = this.#text.slice(this.#at, end);
    this.#at = end + 1;
    const compiled = compileSafeRegex(source, this.#take('i'));
    if (typeof compiled === 'string') throw new JsonPathError(compiled);
    return compiled;
  }

  #quoted(): string | null {
    const quote = this.#text[this.#at];
    if (quote !== "'" && quote !== '"') return null;
    const end = endOfQuote(this.#text, this.#at);
    if (end < 0) this.#fail(`the ${quote} that ends the text`);
    const inside = this.#text.slice(this.#at + 1, end);
    this.#at = end + 1;
    return inside.replaceAll(/\\(.)/g, '$1');
  }

  #at_(text: string): boolean {
    return this.#text.startsWith(text, this.#at);
  }

  #take(text: string): boolean {
    if (!this.#at_(text)) return false;
    this.#at += text.length;
    return true;
  }

  #match(pattern: RegExp): string | null {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text);
    if (found === null) return null;
    this.#at += found[0].length;
    return found[0];
  }

  #blanks(): true {
    while (this.#text[this.#at] === ' ') this.#at += 1;
    return true;
  }

  #fail(wanted: string): never {
    throw new JsonPathError(`${wanted} was expected at character ${this.#at + 1} of "${this.#text.slice(0, 100)}"`);
  }
}

/** Index of the closing quote, -1 without one. */
export function endOfQuote(text: string, open: number): number {
  for (let i = open + 1; i < text.length; i++) {
    if (text[i] === '\\') i++;
    else if (text[i] === text[open]) return i;
  }
  return -1;
}

/** Index of the slash that ends a pattern which begins at `from`, -1 without one. */
export function endOfRegex(text: string, from: number): number {
  let isInClass = false;
  for (let i = from; i < text.length; i++) {
    if (text[i] === '\\') i++;
    else if (text[i] === '[') isInClass = true;
    else if (text[i] === ']') isInClass = false;
    else if (text[i] === '/' && !isInClass) return i;
  }
  return -1;
}

function walk(root: unknown, steps: readonly Step[], work: Work): readonly unknown[] {
  let nodes: unknown[] = [root];
  for (const step of steps) {
    const next: unknown[] = [];
    for (const node of nodes) {
      work.left -= 1;
      if (work.left < 0) break;
      if (step.kind === 'deep') deepInto(next, node, work);
      else if (step.kind === 'name') {
        if (isObject(node) && Object.hasOwn(node, step.name)) next.push(node[step.name]);
      } else if (step.kind === 'index') {
        const value = Array.isArray(node) ? node.at(step.index) : undefined;
        if (value !== undefined) next.push(value);
      } else {
        for (const child of children(node, work)) {
          work.left -= 1;
          const isMeant = step.kind === 'all' || isTrue(step.any, child, work);
          // What was not looked at to its end says nothing.
          if (work.left < 0) break;
          if (isMeant) next.push(child);
        }
      }
    }
    nodes = next;
  }
  return nodes.slice(0, MAX_VALUES);
}

function children(node: unknown, work: Work): readonly unknown[] {
  if (Array.isArray(node)) return node;
  if (!isObject(node)) return [];
  const values = Object.values(node);
  // Thousands of names take far longer to go through than a list.
  work.left -= values.length * 4;
  return values;
}

/** The node and all below it in document order, without recursion, as far as the work goes. */
function deepInto(into: unknown[], node: unknown, work: Work): void {
  const stack: unknown[] = [node];
  while (stack.length > 0 && work.left > 0) {
    const current = stack.pop();
    into.push(current);
    work.left -= 1;
    const below = children(current, work);
    for (let i = Math.min(below.length, work.left) - 1; i >= 0; i--) stack.push(below[i]);
  }
}

function isTrue(any: readonly (readonly Test[])[], node: unknown, work: Work): boolean {
  return any.some((all) => all.every((test) => holds(test, node, work)));
}

function holds({ left, operator, right, regex }: Test, node: unknown, work: Work): boolean {
  work.left -= 1;
  if (work.left < 0) return false;
  const value = operandValue(left, node, work);
  if (operator === 'exists') return value !== undefined;
  if (operator === '=~') return typeof value === 'string' && regex !== null && regex.matches(value, work);
  const other = right === null ? undefined : operandValue(right, node, work);
  // Long texts are compared character by character.
  if (typeof value === 'string' && typeof other === 'string') work.left -= Math.min(value.length, other.length) >> 5;
  if (operator === '==') return value === other;
  if (operator === '!=') return value !== other;
  if (typeof value === 'number' && typeof other === 'number') return isInOrder(operator, value - other);
  if (typeof value !== 'string' || typeof other !== 'string') return false;
  return isInOrder(operator, value < other ? -1 : value > other ? 1 : 0);
}

function isInOrder(operator: '<' | '<=' | '>' | '>=', difference: number): boolean {
  if (operator === '<') return difference < 0;
  if (operator === '<=') return difference <= 0;
  return operator === '>' ? difference > 0 : difference >= 0;
}

function operandValue(operand: Operand, node: unknown, work: Work): unknown {
  if (operand.kind === 'literal') return operand.value;
  return operand.steps.length === 0 ? node : walk(node, operand.steps, work)[0];
}
