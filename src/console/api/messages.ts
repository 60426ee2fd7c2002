// Recent uplinks of a device, and where each is.
import { useQuery } from '@tanstack/react-query';
import type { MessageState } from '../../domain/ports/messages.ts';
import { call } from './call.ts';

export interface Message {
  readonly seq: number;
  readonly device: string | null;
  readonly fCnt: number | null;
  readonly state: MessageState;
  readonly receivedAt: string;
  readonly sentAt: string | null;
  readonly attempts: number;
  readonly requestId: string | null;
  /** Why the last request did not settle it. */
  readonly lastAnswer: string | null;
  readonly outcome: { readonly kind: string; readonly reason?: string } | null;
  readonly settledAt: string | null;
}

interface Page {
  readonly messages: readonly Message[];
  /** Of the device, on disk and not read back yet. */
  readonly inJournal: number;
}

export function useMessages(connection: string, device: string) {
  return useQuery({
    queryKey: ['connections', connection, 'messages', device],
    queryFn: async ({ signal }) => {
      const query = new URLSearchParams({ device, limit: '50' });
      const path = `/connections/${encodeURIComponent(connection)}/messages?${query}`;
      return (await call<Page>('GET', path, { signal })).data;
    },
    refetchInterval: 3_000,
  });
}
