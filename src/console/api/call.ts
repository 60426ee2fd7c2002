// One call to the bridge's API. What it refuses becomes an ApiError that carries the problem details (RFC 9457).
import { text } from '../text/text.ts';

/** One wrong field, as the API names it: a JSON pointer into the body, and what is allowed. */
export interface WrongField {
  readonly pointer: string;
  readonly message: string;
}

export class ApiError extends Error {
  /** 0: no answer came. */
  readonly status: number;
  readonly code: string;
  readonly fields: readonly WrongField[];

  constructor(status: number, code: string, message: string, fields: readonly WrongField[] = []) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
    this.code = code;
    this.fields = fields;
  }

  /** The complaint about one field, by its path below the body, for example `configuration/email`. */
  about(path: string): string | null {
    const pointer = `/${path}`;
    return this.fields.find((field) => field.pointer === pointer)?.message ?? null;
  }
}

export interface CallOptions {
  readonly body?: unknown;
  /** Only if the resource is still this version. */
  readonly ifMatch?: string | null;
  readonly idempotencyKey?: string;
  readonly signal?: AbortSignal;
}

export interface Answer<T> {
  readonly data: T;
  readonly etag: string | null;
  readonly headers: Headers;
}

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

const listeners = new Set<() => void>();

/** Told whenever an answer says that nobody is logged in. */
export function onLoggedOut(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Throws an ApiError for everything but a 2xx. `path` from the root of the API, for example `/connections`. */
export async function call<T>(method: Method, path: string, options: CallOptions = {}): Promise<Answer<T>> {
  const headers: Record<string, string> = { accept: 'application/json' };
  if (options.body !== undefined) headers['content-type'] = 'application/json';
  // Says that a page of the bridge's own asks: other sites cannot set it.
  if (method !== 'GET') headers['x-requested-with'] = 'here-bridge-console';
  if (options.ifMatch) headers['if-match'] = options.ifMatch;
  if (options.idempotencyKey !== undefined) headers['idempotency-key'] = options.idempotencyKey;
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      headers,
      credentials: 'same-origin',
      ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new ApiError(0, 'unreachable', text.failure.unreachable);
  }
  const body = response.status === 204 ? '' : await response.text();
  const isJson = /[/+]json\b/.test(response.headers.get('content-type') ?? '');
  const data: unknown = body !== '' && isJson ? JSON.parse(body) : body === '' ? null : body;
  if (response.ok) return { data: data as T, etag: response.headers.get('etag'), headers: response.headers };
  if (response.status === 401) for (const listener of listeners) listener();
  throw refusalOf(response.status, data);
}

function refusalOf(status: number, data: unknown): ApiError {
  const problem = typeof data === 'object' && data !== null ? (data as Record<string, unknown>) : {};
  const said = problem.detail ?? problem.message ?? problem.title;
  const message = typeof said === 'string' && said !== '' ? said : fallback(status);
  const code = typeof problem.code === 'string' ? problem.code : String(status);
  return new ApiError(status, code, message, fieldsOf(problem.errors));
}

function fieldsOf(errors: unknown): WrongField[] {
  if (!Array.isArray(errors)) return [];
  return errors.flatMap((error: unknown) => {
    const { pointer, path, message, detail } = (error ?? {}) as Record<string, unknown>;
    const where = pointer ?? path;
    const what = message ?? detail;
    return typeof where === 'string' && typeof what === 'string' ? [{ pointer: where, message: what }] : [];
  });
}

function fallback(status: number): string {
  if (status === 401) return text.failure.loggedOut;
  if (status === 403) return text.failure.forbidden;
  if (status === 409 || status === 412) return text.failure.conflict;
  if (status === 503) return text.failure.unavailable;
  return `${text.failure.title} (${status})`;
}
