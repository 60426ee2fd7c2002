// Away from the schemas: what only asks this need not load their library, which is half of what the command line would load.

export function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
