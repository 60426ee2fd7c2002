// Commands of a device: listed, sent, cancelled.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { CommandState } from '../../domain/command.ts';
import { call } from './call.ts';

export interface CommandRow {
  readonly id: number;
  readonly version: number | null;
  readonly state: CommandState;
  readonly cause: string | null;
  readonly attempt: number;
  readonly seenAt: string;
  readonly changedAt: string;
}

const base = (connection: string): string => `/connections/${encodeURIComponent(connection)}/commands`;

export function useCommands(connection: string, device: string) {
  return useQuery({
    queryKey: ['connections', connection, 'commands', device],
    queryFn: async ({ signal }) => {
      const query = new URLSearchParams({ device, limit: '50' });
      return (await call<{ commands: CommandRow[] }>('GET', `${base(connection)}?${query}`, { signal })).data.commands;
    },
    refetchInterval: 3_000,
  });
}

export function useSendCommand(connection: string) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: ({ device, payload }: { readonly device: string; readonly payload: object }) =>
      call('POST', base(connection), { body: { device, payload } }),
    onSettled: (_answer, _error, { device }) =>
      Promise.all([
        queries.invalidateQueries({ queryKey: ['connections', connection, 'commands'] }),
        queries.invalidateQueries({ queryKey: ['here', connection, 'shadow', device] }),
      ]),
  });
}

export function useCancelCommand(connection: string) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (id: number) => call('POST', `${base(connection)}/${id}/cancel`),
    onSettled: () => queries.invalidateQueries({ queryKey: ['connections', connection, 'commands'] }),
  });
}

/** The one before is of no use any more; shown this once. */
export function useNewAddress(connection: string) {
  return useMutation({
    mutationFn: async () =>
      (await call<{ readonly path: string }>('POST', `/connections/${encodeURIComponent(connection)}/downlink-address`))
        .data,
  });
}
