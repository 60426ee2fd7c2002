// HERE's silence and refusals as answers of the API.
import type { Answered } from '../domain/ports/here-questions.ts';
import { Refusal } from './problem.ts';

/** How long a request of the API waits for HERE. */
export const HERE_WAIT_MS = 20_000;

/** The value, or throws: 404, 422 (HERE said no to the account or the question), 503 with Retry-After. */
export function answered<T>(answer: Answered<T>): T {
  switch (answer.kind) {
    case 'ok':
      return answer.value;
    case 'notFound':
      throw new Refusal(404, answer.message);
    case 'refused':
    case 'invalid':
      throw new Refusal(422, answer.message);
    case 'unavailable': {
      const seconds = Math.max(1, Math.ceil((answer.afterMs ?? 5000) / 1000));
      throw new Refusal(503, `HERE cannot be asked now: ${answer.message}`, {
        headers: { 'retry-after': String(seconds) },
      });
    }
  }
}
