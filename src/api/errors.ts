// Errors in ThingPark's form: `{"code": "com-4004", "message": "…"}`; what does not validate names each field besides.
import type { FieldError } from '../domain/connection.ts';

export interface ApiError {
  readonly code: string;
  readonly message: string;
  readonly errors?: readonly FieldError[];
}

export function apiError(status: number, message: string, errors?: readonly FieldError[]): ApiError {
  // ThingPark's codes are the HTTP status with one more digit: com-4000, com-4004, com-4009.
  const digits = String(status);
  const body = { code: `com-${digits[0]}0${digits.slice(1)}`, message };
  return errors === undefined ? body : { ...body, errors };
}
