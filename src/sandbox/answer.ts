// An HTTP answer as a value, and HERE's error body.

export interface Answer {
  readonly status: number;
  /** JSON text; absent for 204. */
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export const noContent: Answer = { status: 204 };

export function json(value: unknown, status = 200): Answer {
  return { status, body: JSON.stringify(value) };
}

const REASONS: Readonly<Record<number, readonly [error: string, message: string]>> = {
  400: ['Bad request', 'The request object is in an incorrect format or has values that are invalid or out of range.'],
  401: ['Unauthorized', 'The provided credentials are not valid.'],
  403: ['Forbidden', 'The account does not have the correct privileges.'],
  404: ['Not Found', 'The specified resource was not found.'],
  405: ['Method Not Allowed', 'The resource does not take this method.'],
  409: ['Conflict', 'The specified resource already exists.'],
  413: ['Payload Too Large', 'The request size exceeds the maximum size limit for payloads.'],
  429: ['Too Many Requests', 'The number of requests allowed for the plan is exceeded.'],
  500: ['Internal Server Error', 'The service is not performing as expected.'],
  503: ['Service Unavailable', 'The service is not available at the moment.'],
};

/** Thrown anywhere in a request's handling; the answer is HERE's error object. */
export class HereError extends Error {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>> | undefined;

  constructor(status: number, message?: string, headers?: Readonly<Record<string, string>>) {
    super(message ?? REASONS[status]?.[1] ?? 'Error');
    this.status = status;
    this.headers = headers;
  }
}

export interface ErrorBody {
  readonly error: string;
  readonly code: number;
  readonly message: string;
  readonly id: string;
  readonly details: { readonly hereErrorCode: number };
}

/** `id` is a UUID: the request's `X-Request-Id` where it had one. Codes follow the pattern of HERE's examples (400306, 404306). */
export function errorBody(status: number, message: string | null, id: string): ErrorBody {
  const [error, text] = REASONS[status] ?? ['Error', 'Error'];
  return { error, code: status, message: message ?? text, id, details: { hereErrorCode: status * 1000 + 306 } };
}

export function errorAnswer(
  status: number,
  message: string | null,
  id: string,
  headers?: Readonly<Record<string, string>>,
): Answer {
  const body = JSON.stringify(errorBody(status, message, id));
  return headers ? { status, body, headers } : { status, body };
}
