// What HERE's answer tells of the plan's limit: `X-RateLimit-Limit` and `X-RateLimit-Remaining`.

export interface ToldLimit {
  /** Requests in a period whose length HERE does not publish; null: not told. */
  readonly limit: number | null;
  readonly remaining: number | null;
}

export function toldLimit(headers: Readonly<Record<string, string>>): ToldLimit {
  const limit = wholeNumber(headers['x-ratelimit-limit']);
  return { limit: limit === 0 ? null : limit, remaining: wholeNumber(headers['x-ratelimit-remaining']) };
}

function wholeNumber(value: string | undefined): number | null {
  return value !== undefined && /^\s*\d{1,9}\s*$/.test(value) ? Number(value) : null;
}
