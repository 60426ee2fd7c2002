// One request as the routes see it: its parts read strictly, with HERE's 400 for what does not fit.
import { HereError } from './answer.ts';

export class Call {
  readonly method: string;
  readonly path: string;
  readonly segments: readonly string[];
  readonly query: URLSearchParams;
  /** UUID: the request's own `X-Request-Id`, else made here. */
  readonly requestId: string;
  readonly authorization: string | undefined;
  readonly contentLength: number | null;
  readonly body: Buffer;
  #json: unknown;
  #parsed = false;

  constructor(parts: {
    readonly method: string;
    readonly url: string;
    readonly requestId: string;
    readonly authorization: string | undefined;
    readonly contentLength: string | undefined;
    readonly body: Buffer;
  }) {
    const mark = parts.url.indexOf('?');
    this.method = parts.method;
    this.path = mark < 0 ? parts.url : parts.url.slice(0, mark);
    this.segments = this.path.split('/').slice(1);
    this.query = new URLSearchParams(mark < 0 ? '' : parts.url.slice(mark + 1));
    this.requestId = parts.requestId;
    this.authorization = parts.authorization;
    this.contentLength = parts.contentLength === undefined ? null : Number(parts.contentLength);
    this.body = parts.body;
  }

  /** A path segment, decoded. */
  segment(index: number): string {
    try {
      return decodeURIComponent(this.segments[index] ?? '');
    } catch {
      throw new HereError(400, 'The path is not well encoded.');
    }
  }

  /** The content type is not looked at: HERE's own client sends JSON as `text/plain` when it renews a token. */
  json(): unknown {
    if (this.#parsed) return this.#json;
    try {
      this.#json = JSON.parse(this.body.toString('utf8'));
    } catch {
      throw new HereError(400, 'The body is not valid JSON.');
    }
    this.#parsed = true;
    return this.#json;
  }

  object(): Record<string, unknown> {
    const value = this.json();
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new HereError(400, 'The body must be an object.');
    }
    return value as Record<string, unknown>;
  }

  integer(name: string, fallback: number, min: number, max: number): number {
    const text = this.query.get(name);
    if (text === null) return fallback;
    const value = Number(text);
    if (text === '' || !Number.isInteger(value) || value < min || value > max) {
      throw new HereError(400, `${name} must be an integer between ${min} and ${max}.`);
    }
    return value;
  }

  /** Milliseconds since the epoch; null where absent. */
  time(name: string, min: number): number | null {
    const text = this.query.get(name);
    if (text === null) return null;
    const value = Number(text);
    if (text === '' || Number.isNaN(value) || value < min)
      throw new HereError(400, `${name} must be a number from ${min}.`);
    return value;
  }

  flag(name: string, fallback: boolean): boolean {
    const text = this.query.get(name);
    if (text === null) return fallback;
    if (text !== 'true' && text !== 'false') throw new HereError(400, `${name} must be true or false.`);
    return text === 'true';
  }

  /** The query's `appId`; 400 when it is too short to be one. */
  appId(): string | null {
    const appId = this.query.get('appId');
    if (appId !== null && appId.length < 8) throw new HereError(400, 'appId must have at least 8 characters.');
    return appId;
  }
}

/** A page token that only its maker can read: the cursor in base64url. */
export function pageToken(cursor: readonly (number | string)[]): string {
  return Buffer.from(JSON.stringify(cursor)).toString('base64url');
}

export function readPageToken(token: string | null): readonly (number | string)[] | null {
  if (token === null) return null;
  try {
    const cursor: unknown = JSON.parse(Buffer.from(token, 'base64url').toString('utf8'));
    if (Array.isArray(cursor) && cursor.every((part) => typeof part === 'number' || typeof part === 'string'))
      return cursor;
  } catch {
    // Falls through to the refusal.
  }
  throw new HereError(400, 'pageToken is not valid.');
}
