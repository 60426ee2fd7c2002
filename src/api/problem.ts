// Answers that say no: RFC 9457 problem details that also carry ThingPark's `code` and `message`.
import Type from 'typebox';
import type { FieldError } from '../domain/connection.ts';
import { component } from './components.ts';

export const PROBLEM_TYPE = 'application/problem+json';

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  406: 'Not Acceptable',
  408: 'Request Timeout',
  409: 'Conflict',
  412: 'Precondition Failed',
  413: 'Content Too Large',
  414: 'URI Too Long',
  415: 'Unsupported Media Type',
  421: 'Misdirected Request',
  422: 'Unprocessable Content',
  428: 'Precondition Required',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
};

/** Which part of the request a field error is about; absent: the body. */
export type RequestField = FieldError & { readonly in?: 'body' | 'query' | 'path' | 'header' };

export interface ProblemBody {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
  readonly message: string;
  readonly errors?: readonly RequestField[];
}

export const ProblemSchema = component(
  'Problem',
  Type.Object(
    {
      type: Type.String({ description: 'Always `about:blank`: the HTTP status says what kind of problem it is.' }),
      title: Type.String({ description: 'The name of the HTTP status.' }),
      status: Type.Integer({ minimum: 400, maximum: 599 }),
      detail: Type.String({ description: 'What is wrong and what to do about it, for people.' }),
      code: Type.String({ pattern: '^com-[0-9]{4}$', description: "ThingPark's code: com-4000, com-4004, …" }),
      message: Type.String({ description: "The same as `detail`, under ThingPark's name." }),
      errors: Type.Optional(
        Type.Array(
          Type.Object({
            pointer: Type.String({ description: 'JSON pointer to the field.' }),
            message: Type.String({ description: 'What is wrong with it and what is allowed.' }),
            in: Type.Optional(Type.Enum(['body', 'query', 'path', 'header'])),
          }),
          { description: 'Every wrong field at once.' },
        ),
      ),
    },
    { description: 'Problem details (RFC 9457).' },
  ),
);

export function problem(status: number, message: string, errors?: readonly RequestField[]): ProblemBody {
  // ThingPark's codes are the HTTP status with one more digit: com-4000, com-4004, com-4009.
  const digits = String(status);
  const code = `com-${digits[0]}0${digits.slice(1)}`;
  const body = {
    type: 'about:blank',
    title: TITLES[status] ?? 'Error',
    status,
    detail: message,
    code,
    message,
  };
  return errors === undefined || errors.length === 0 ? body : { ...body, errors };
}

/** Thrown by routes: the answer and its headers. */
export class Refusal extends Error {
  readonly statusCode: number;
  readonly errors: readonly RequestField[] | undefined;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    message: string,
    more: { readonly errors?: readonly RequestField[]; readonly headers?: Readonly<Record<string, string>> } = {},
  ) {
    super(message);
    this.name = 'Refusal';
    this.statusCode = status;
    this.errors = more.errors;
    this.headers = more.headers ?? {};
  }
}

export function notFound(message: string): Refusal {
  return new Refusal(404, message);
}
