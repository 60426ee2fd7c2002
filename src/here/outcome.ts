// What HERE's answer means: the one place that turns status, headers and body into outcomes and plain words.
import type { HereAnswer, RequestOutcome, RetryCause } from '../domain/ports/here.ts';
import type { HttpAnswer } from './http.ts';
import { httpDate } from './http-date.ts';

/** The longest `Retry-After` that is obeyed as it stands: a slip of HERE's must not stop a connection for days. */
export const MAX_RETRY_AFTER_MS = 3_600_000;
const MAX_MESSAGE_CHARS = 500;

type Meaning =
  | { readonly kind: 'accepted' | 'tooLarge' | 'reauthenticate' | 'hold' }
  | { readonly kind: 'refused'; readonly unknownDevice: boolean }
  | { readonly kind: 'retry'; readonly cause: RetryCause };

export interface StatusRule {
  /** As printed in the documentation: `204`, `5xx`, `404 not from HERE` … */
  readonly status: string;
  readonly meaning: Meaning;
  readonly why: string;
  readonly applies: (status: number, isHeresError: boolean) => boolean;
}

/**
 * First rule that applies wins. Sources: 204, 400, 401, 403, 404, 413, 429: HERE's OpenAPI document, `POST /v3/batch`; the
 * others are not published, and repeat unless a record can be at fault, because what HERE did not accept must not be lost.
 */
export const STATUS_RULES: readonly StatusRule[] = [
  {
    status: '204',
    meaning: { kind: 'accepted' },
    why: 'HERE has stored every record',
    applies: (status) => status === 204,
  },
  {
    status: '400, 409, 422',
    meaning: { kind: 'refused', unknownDevice: false },
    why: 'at least one record is at fault: it is searched for and dead-lettered',
    applies: (status) => status === 400 || status === 409 || status === 422,
  },
  {
    status: "404 in HERE's form",
    meaning: { kind: 'refused', unknownDevice: true },
    why: 'at least one device is unknown or not claimed: it is searched for and created, or skipped',
    applies: (status, isHeresError) => status === 404 && isHeresError,
  },
  {
    status: '404 in another form',
    meaning: { kind: 'retry', cause: 'badAnswer' },
    why: 'not HERE Tracking but something else at that address: nobody judged the records',
    applies: (status) => status === 404,
  },
  {
    status: '401',
    meaning: { kind: 'reauthenticate' },
    why: 'the token was refused; it is renewed and the batch sent once more before this counts',
    applies: (status) => status === 401,
  },
  {
    status: '408, 425',
    meaning: { kind: 'retry', cause: 'timeout' },
    why: 'the request came too slowly or too early',
    applies: (status) => status === 408 || status === 425,
  },
  {
    status: '407',
    meaning: { kind: 'retry', cause: 'connection' },
    why: 'the proxy wants to know who asks',
    applies: (status) => status === 407,
  },
  {
    status: '413',
    meaning: { kind: 'tooLarge' },
    why: 'the batch is split and smaller ones are built from then on',
    applies: (status) => status === 413,
  },
  {
    status: '429',
    meaning: { kind: 'retry', cause: 'rateLimited' },
    why: 'more requests than the plan allows: `Retry-After` is obeyed, then the rate grows slowly',
    applies: (status) => status === 429,
  },
  {
    status: '403, other 4xx',
    meaning: { kind: 'hold' },
    why: 'the account may not, or HERE does not take such requests: repeating is of no use until a person acts',
    applies: (status) => status >= 400 && status < 500,
  },
  {
    status: '5xx',
    meaning: { kind: 'retry', cause: 'unavailable' },
    why: 'HERE cannot at the moment',
    applies: (status) => status >= 500,
  },
  {
    status: 'other 2xx, 3xx',
    meaning: { kind: 'retry', cause: 'badAnswer' },
    why: 'HERE accepts with 204 only: anything else comes from a proxy or a portal on the way',
    applies: () => true,
  },
];

/**
 * The outcome of one `POST /v3/batch` of `records` records. `wallMs`: now, for a `Retry-After` that is a date without an
 * own `Date`. `secrets` are cut out of HERE's words. Never `accepted` without a whole 204.
 */
export function outcomeOf(
  answer: HttpAnswer,
  records: number,
  wallMs: number,
  secrets: readonly string[] = [],
): RequestOutcome {
  const hereAnswer = hereAnswerOf(answer, secrets);
  if (answer.kind === 'noAnswer') return { kind: 'retry', cause: answer.cause, afterMs: null, answer: hereAnswer };
  const error = parseError(answer.body);
  const rule = STATUS_RULES.find((candidate) => candidate.applies(answer.status, error !== null)) as StatusRule;
  const { meaning } = rule;
  switch (meaning.kind) {
    case 'accepted':
      return { kind: 'accepted', requestId: answer.requestId };
    case 'refused':
      return { ...meaning, hint: hintOf(error, records), answer: hereAnswer };
    case 'retry':
      return { ...meaning, afterMs: retryAfterMs(answer.headers, wallMs), answer: hereAnswer };
    default:
      return { kind: meaning.kind, answer: hereAnswer };
  }
}

/** HERE's words for people, without secrets and control characters, at most 500 characters. */
export function hereAnswerOf(answer: HttpAnswer, secrets: readonly string[] = []): HereAnswer {
  if (answer.kind === 'noAnswer') {
    const message = plainWords(answer.message, secrets);
    return { status: 0, hereErrorCode: null, message, requestId: answer.requestId };
  }
  const error = parseError(answer.body);
  const message = plainWords(error === null ? `status ${answer.status} without words` : error.words, secrets);
  return {
    status: answer.status,
    hereErrorCode: error?.hereErrorCode ?? null,
    message,
    requestId: answer.requestId,
  };
}

/** The rule's outcome for calls other than `/v3/batch`: any 2xx with the wanted body is success, and is judged by the caller. */
export function isSuccess(answer: HttpAnswer): answer is HttpAnswer & { kind: 'answer' } {
  return answer.kind === 'answer' && answer.status >= 200 && answer.status < 300;
}

/** Whether time may mend it: no answer, 408, 425, 429, 5xx, or nothing that HERE would say. */
export function isTransient(answer: HttpAnswer): boolean {
  if (answer.kind === 'noAnswer') return true;
  const { status, body } = answer;
  if (status === 404) return parseError(body) === null;
  return status < 400 || status === 407 || status === 408 || status === 425 || status === 429 || status >= 500;
}

/** Seconds, or an HTTP date measured against the answer's own `Date` (the peer's clock need not be ours). null: not told. */
export function retryAfterMs(headers: Readonly<Record<string, string>>, wallMs: number): number | null {
  const value = headers['retry-after']?.trim();
  if (value === undefined || value === '') return null;
  let ms: number;
  if (/^\d{1,9}(\.\d+)?$/.test(value)) ms = Number(value) * 1000;
  else {
    const sentAt = httpDate(headers.date ?? '', wallMs) ?? wallMs;
    const date = httpDate(value, sentAt);
    if (date === null) return null;
    ms = date - sentAt;
  }
  return Math.min(MAX_RETRY_AFTER_MS, Math.max(0, Math.ceil(ms)));
}

/** A JSON object, or null: answers may be anything. */
export function parseObject(body: string): Readonly<Record<string, unknown>> | null {
  // Each accepted batch has none: no exception for it.
  if (body === '') return null;
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Readonly<Record<string, unknown>>)
      : null;
  } catch {
    return null;
  }
}

interface HereError {
  readonly words: string;
  readonly hereErrorCode: number | null;
  /** Message and details as text: where a hint at the record may be. */
  readonly text: string;
}

/** HERE's error form: `{error, code, message?, id, details?: {hereErrorCode}}`; `error` and `code` are always there. */
function parseError(body: string): HereError | null {
  const value = parseObject(body);
  if (value === null || typeof value.error !== 'string' || !Number.isInteger(value.code)) return null;
  const words = typeof value.message === 'string' && value.message !== '' ? value.message : value.error;
  const details = value.details;
  const code =
    typeof details === 'object' && details !== null ? (details as Record<string, unknown>).hereErrorCode : null;
  return {
    words,
    hereErrorCode: Number.isSafeInteger(code) ? (code as number) : null,
    text: `${words} ${body.slice(0, 10_000)}`,
  };
}

/** `data[17]`, `data.17`, `/data/17/…`, `["data",17]`: HERE does not publish a form, so a wrong hint must do no harm. */
const HINT = /\bdata(?:\[|\.|\/|\\?["']\s*,\s*\\?["']?)(\d{1,6})\b/;

function hintOf(error: HereError | null, records: number): number | null {
  const match = error === null ? null : HINT.exec(error.text);
  if (!match) return null;
  const index = Number(match[1]);
  return index < records ? index : null;
}

function plainWords(text: string, secrets: readonly string[]): string {
  let words = text.slice(0, 4 * MAX_MESSAGE_CHARS);
  for (const secret of secrets) if (secret.length > 3) words = words.replaceAll(secret, '*****');
  return (
    words
      .replace(/\bBearer\s+[^\s"',;]+/gi, 'Bearer *****')
      .replace(/\b(?:h1|eyJ[A-Za-z0-9_-]*)\.[A-Za-z0-9._-]{16,}/g, '*****')
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must go
      .replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ')
      .trim()
      .slice(0, MAX_MESSAGE_CHARS)
  );
}
