// Users, API tokens, the state of the keys, and the audit.
import { keepPreviousData, useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { AuditEntry, Role, TokenView, UserView } from '../../domain/access.ts';
import type { KeysView } from '../../domain/ports/keys.ts';
import { call } from './call.ts';

const AUDIT_PAGE = 50;

function useList<T>(path: string, isEnabled: boolean) {
  return useQuery({
    queryKey: ['access', path],
    queryFn: async ({ signal }) => (await call<T>('GET', path, { signal })).data,
    enabled: isEnabled,
  });
}

/** `isAdmin` false: not asked, since it would be refused. */
export const useUsers = (isAdmin: boolean) => useList<readonly UserView[]>('/users', isAdmin);
export const useKeys = (isAdmin: boolean) => useList<KeysView>('/keys', isAdmin);
/** One's own; for administrators all. */
export const useTokens = () => useList<readonly TokenView[]>('/tokens', true);

/** Told of by nothing, so it is asked again and again while it is looked at. */
const AUDIT_REFRESH_MS = 5_000;

export interface AuditFilter {
  /** Each a part of what the entry says. */
  readonly who?: string;
  readonly action?: string;
  readonly target?: string;
  readonly outcome?: AuditEntry['outcome'];
}

/** For administrators alone. */
export function useAudit(filter: AuditFilter) {
  return useInfiniteQuery({
    queryKey: ['access', 'audit', filter],
    queryFn: async ({ pageParam, signal }) => {
      const query = new URLSearchParams({ limit: String(AUDIT_PAGE), ...filter });
      if (pageParam !== null) query.set('before', pageParam);
      return (await call<AuditEntry[]>('GET', `/audit?${query}`, { signal })).data;
    },
    initialPageParam: null as string | null,
    getNextPageParam: (last) => (last.length < AUDIT_PAGE ? null : (last.at(-1)?.id ?? null)),
    placeholderData: keepPreviousData,
    refetchInterval: AUDIT_REFRESH_MS,
  });
}

function useChange<In, Out>(change: (input: In) => Promise<Out>) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: change,
    onSettled: () =>
      Promise.all([
        queries.invalidateQueries({ queryKey: ['access'] }),
        // The first user ends the time in which nobody has to log in.
        queries.invalidateQueries({ queryKey: ['session'] }),
      ]),
  });
}

export const useAddUser = () =>
  useChange((user: { readonly name: string; readonly role: Role; readonly password: string }) =>
    call('POST', '/users', { body: user }),
  );

export const useRemoveUser = () => useChange((name: string) => call('DELETE', `/users/${encodeURIComponent(name)}`));

export const useAddToken = () =>
  useChange(
    async (token: { readonly name: string; readonly role: Role }) =>
      (await call<TokenView & { readonly token: string }>('POST', '/tokens', { body: token })).data,
  );

export const useRevokeToken = () => useChange((id: string) => call('DELETE', `/tokens/${encodeURIComponent(id)}`));
