// Dead letters of a connection: looked at, mended, sent again, dropped.
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { ReplayEnd, ReplayProgress } from '../../domain/ports/dead-letters.ts';
import { ApiError, call } from './call.ts';

export interface Letter {
  readonly id: number;
  readonly time: string;
  readonly arrivedAt: string;
  readonly device: string | null;
  readonly reason: string;
  readonly topic: string;
  readonly detail: {
    readonly message?: string;
    readonly status?: number;
    readonly hereErrorCode?: string;
    readonly requestId?: string;
    readonly record?: string;
    readonly attempts?: number;
  };
  readonly payload?: string;
  readonly payloadBase64?: string;
  readonly editedAt?: string;
}

export interface LetterTotals {
  readonly count: number;
  readonly bytes: number;
  readonly maxBytes: number;
}

interface Page {
  readonly letters: readonly Letter[];
  readonly next: number | null;
  readonly totals: LetterTotals;
}

export interface LetterFilter {
  readonly ids?: readonly number[];
  readonly reasons?: readonly string[];
}

const base = (connection: string): string => `/connections/${encodeURIComponent(connection)}/dead-letters`;

export function useLetters(connection: string, reason: string) {
  return useInfiniteQuery({
    queryKey: ['connections', connection, 'dead-letters', reason],
    queryFn: async ({ pageParam, signal }) => {
      const query = new URLSearchParams({ limit: '100' });
      if (reason !== '') query.set('reason', reason);
      if (pageParam !== null) query.set('cursor', String(pageParam));
      return (await call<Page>('GET', `${base(connection)}?${query}`, { signal })).data;
    },
    initialPageParam: null as number | null,
    getNextPageParam: (last) => last.next,
  });
}

export function useLetter(connection: string, letter: number | null) {
  return useQuery({
    queryKey: ['connections', connection, 'dead-letter', letter],
    queryFn: async ({ signal }) => (await call<Letter>('GET', `${base(connection)}/${letter}`, { signal })).data,
    enabled: letter !== null,
  });
}

function useRefresh(connection: string): () => Promise<void> {
  const queries = useQueryClient();
  return () => queries.invalidateQueries({ queryKey: ['connections', connection] });
}

export function useEditLetter(connection: string) {
  const refresh = useRefresh(connection);
  return useMutation({
    mutationFn: ({ id, payload }: { readonly id: number; readonly payload: string | null }) =>
      call('PATCH', `${base(connection)}/${id}`, { body: payload === null ? { revert: true } : { payload } }),
    onSettled: refresh,
  });
}

export function useDropLetters(connection: string) {
  const refresh = useRefresh(connection);
  return useMutation({
    mutationFn: async (filter: LetterFilter) =>
      (await call<{ dropped: number }>('POST', `${base(connection)}/drop`, { body: { filter } })).data.dropped,
    onSettled: refresh,
  });
}

const EXPORT_PAGE = 200;

/** Resolves to NDJSON, a letter a line, the oldest first: what `here-bridge dead-letters import` takes. */
export function useExportLetters(connection: string) {
  return useMutation({
    mutationFn: async (filter: LetterFilter): Promise<readonly string[]> => {
      const lines: string[] = [];
      for (let after: number | null = 0; after !== null; ) {
        const body = { filter, order: 'oldest', after, limit: EXPORT_PAGE, content: true };
        const page: Page = (await call<Page>('POST', `${base(connection)}/search`, { body })).data;
        for (const letter of page.letters) lines.push(`${JSON.stringify(letter)}\n`);
        after = page.next;
      }
      return lines;
    },
  });
}

export type Progress = ReplayProgress & Partial<Pick<ReplayEnd, 'end' | 'message'>>;

/** Tells how far it is about once a second; hanging up (`signal`) ends the replay. */
export function useReplay(connection: string, onProgress: (progress: Progress) => void) {
  const refresh = useRefresh(connection);
  return useMutation({
    mutationFn: async ({ filter, signal }: { readonly filter: LetterFilter; readonly signal: AbortSignal }) => {
      const response = await fetch(`${base(connection)}/replay`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-requested-with': 'here-bridge-console' },
        body: JSON.stringify({ filter }),
        signal,
      });
      if (!response.ok || response.body === null) {
        const { detail } = (await response.json()) as { detail?: string };
        throw new ApiError(response.status, String(response.status), detail ?? response.statusText);
      }
      await eachLine(response.body, (line) => onProgress(JSON.parse(line) as Progress));
    },
    onSettled: refresh,
  });
}

async function eachLine(body: ReadableStream<Uint8Array>, onLine: (line: string) => void): Promise<void> {
  let rest = '';
  const reader = body.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    const lines = (rest + value).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line.trim() !== '') onLine(line);
  }
  if (rest.trim() !== '') onLine(rest);
}
