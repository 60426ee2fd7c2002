// What a client accepts, and which methods a path has: 406 and 405 with `Allow`.

/** RFC 9110: ranges with `q=0` are refused; no header accepts all. Parameters other than `q` are not looked at. */
export function accepts(header: string | undefined, types: readonly string[]): boolean {
  if (header === undefined || header.trim() === '') return true;
  const ranges = header.split(',').map((range) => {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    const q = parameters.find((parameter) => parameter.startsWith('q='));
    return { type, refused: q !== undefined && Number(q.slice(2)) === 0 };
  });
  return types.some((type) => {
    const [group] = type.split('/');
    // The most specific range counts.
    for (const wanted of [type, `${group}/*`, '*/*']) {
      const range = ranges.find((each) => each.type === wanted);
      if (range !== undefined) return !range.refused;
    }
    return false;
  });
}

/** Paths of routes, to tell a wrong method from a wrong path. */
export class RouteTable {
  readonly #paths = new Map<string, { readonly pattern: RegExp; readonly methods: Set<string> }>();

  add(url: string, methods: readonly string[]): void {
    let entry = this.#paths.get(url);
    if (entry === undefined) {
      entry = { pattern: patternOf(url), methods: new Set() };
      this.#paths.set(url, entry);
    }
    for (const method of methods) entry.methods.add(method);
  }

  /** The methods of the route that this path fits, of several the one with the fewest placeholders; empty: there is none. */
  methodsOf(path: string): readonly string[] {
    const fitting = [...this.#paths].filter(([, { pattern }]) => pattern.test(path));
    fitting.sort(([a], [b]) => placeholders(a) - placeholders(b));
    return [...(fitting[0]?.[1].methods ?? [])].sort();
  }
}

function placeholders(url: string): number {
  return url.split('/').filter((part) => part.startsWith(':') || part === '*').length;
}

function patternOf(url: string): RegExp {
  const parts = url.split('/').map((part) => {
    if (part.startsWith(':')) return '[^/]+';
    return part === '*' ? '.*' : part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  });
  return new RegExp(`^${parts.join('/')}$`);
}
