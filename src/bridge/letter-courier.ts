// Dead letters and uplinks on their way from one data directory to the worker that serves their connection. Dead letters are taken in
// by key, as those of an export are.
import { recordOf } from '../api/dead-letter-records.ts';
import type { AskWorker, HandedUplink, WorkerAddress } from '../domain/ports/cluster.ts';
import type { ImportedLetter, ImportOutcome } from '../domain/ports/dead-letters.ts';
import type { DeadLetter } from '../domain/ports/store.ts';
import type { Views } from './views.ts';

const SEND_LETTERS_MS = 30_000;
const SEND_UPLINKS_MS = 10_000;

/** Why they are not taken; null: they are. */
export function takeLetters(views: Views | undefined, id: string, letters: readonly DeadLetter[]): string | null {
  const live = views?.lines.get(id);
  if (live === undefined || live.flow.stopped) return `connection ${id} does not run`;
  return refusalOf(live.store.importDeadLetters(letters.map((letter) => importedOf(id, letter))));
}

/** As `takeLetters`, at another worker; rejects when it does not answer. */
export async function sendLetters(
  ask: AskWorker,
  to: WorkerAddress,
  id: string,
  letters: readonly DeadLetter[],
  signal: AbortSignal,
): Promise<string | null> {
  const answer = await ask(to, {
    method: 'POST',
    path: `/connections/${encodeURIComponent(id)}/dead-letters/import`,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(letters.map((letter) => recordOf(id, letter, true))),
    signal: AbortSignal.any([signal, AbortSignal.timeout(SEND_LETTERS_MS)]),
  });
  const text = await answer.text();
  if (answer.ok) return null;
  // It does not run there, or they do not fit.
  if (answer.status === 404 || answer.status === 409) return messageOf(text);
  throw refusedBy(to, answer.status, text);
}

/** Resolves when that worker has them in its journal. */
export async function sendUplinks(
  ask: AskWorker,
  to: WorkerAddress,
  id: string,
  uplinks: readonly HandedUplink[],
  signal: AbortSignal,
): Promise<void> {
  const body = { uplinks: uplinks.map((each) => ({ ...each, payload: each.payload.toString('base64') })) };
  const answer = await ask(to, {
    method: 'POST',
    path: `/internal/connections/${encodeURIComponent(id)}/uplinks`,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.any([signal, AbortSignal.timeout(SEND_UPLINKS_MS)]),
  });
  const text = await answer.text();
  if (!answer.ok) throw refusedBy(to, answer.status, text);
}

function refusedBy({ address }: WorkerAddress, status: number, text: string): Error {
  return new Error(`${address} answered ${status} ${text.slice(0, 200)}`);
}

function importedOf(connection: string, letter: DeadLetter): ImportedLetter {
  const { key, arrivedAt, topic, payload, device, reason, detail, time } = letter;
  const origin = `${connection} ${new Date(Math.abs(time) <= 8.64e15 ? time : 0).toISOString()}`;
  return { key, arrivedAt, topic, payload, device, reason, detail: { ...detail, origin } };
}

function refusalOf(outcome: ImportOutcome): string | null {
  return outcome.kind === 'ok' ? null : `they would take ${outcome.bytes} of ${outcome.maxBytes} bytes`;
}

function messageOf(problem: string): string {
  try {
    const { message } = JSON.parse(problem) as { readonly message?: unknown };
    return typeof message === 'string' ? message : problem.slice(0, 200);
  } catch {
    return problem.slice(0, 200);
  }
}
