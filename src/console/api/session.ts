// Who one is to the bridge, and what one may do.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { claimDrafts, holdDrafts } from '../forms/draft.ts';
import { chooseLanguage, chosenLanguage } from '../text/language.ts';
import { text } from '../text/text.ts';
import { ApiError, call } from './call.ts';

export interface Session {
  readonly name: string;
  readonly kind: 'session' | 'token' | 'oidc' | 'local' | 'open';
  readonly role: 'viewer' | 'operator' | 'admin';
  readonly user: string | null;
  /** False: nobody has to log in. */
  readonly hasUsers: boolean;
}

const KEY = ['session'] as const;

/** `data` null: somebody has to log in first. */
export function useSession() {
  return useQuery({
    queryKey: KEY,
    queryFn: async ({ signal }): Promise<Session | null> => {
      try {
        return (await call<Session>('GET', '/session', { signal })).data;
      } catch (error) {
        if (error instanceof ApiError && error.status === 401) return null;
        throw error;
      }
    },
    staleTime: 60_000,
  });
}

export function useLogIn() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: async (credentials: { readonly name: string; readonly password: string }) =>
      (await call<Session>('POST', '/session', { body: credentials })).data,
    onSuccess: (session) => {
      claimDrafts(session.name);
      queries.setQueryData(KEY, session);
      return queries.invalidateQueries();
    },
  });
}

export function useLogOut() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: async () => {
      const language = chosenLanguage();
      holdDrafts(queries.getQueryData<Session>(KEY)?.name ?? '');
      await call('DELETE', '/session');
      // The answer has the browser forget all that it keeps of this page; its language is not of one user.
      chooseLanguage(language);
    },
    onSuccess: async () => {
      // An answer that is still on its way must not bring the session back.
      await queries.cancelQueries();
      queries.setQueryData(KEY, null);
      // Nothing of what one user saw stays for the next. The session itself stays: the page looks at it, and at no other in its place.
      queries.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== KEY[0] });
    },
  });
}

const ROLES = ['viewer', 'operator', 'admin'] as const;

/** Null: one may; else why not, for the button that is then disabled. */
export function useDenial(least: Session['role']): string | null {
  const { data: session } = useSession();
  if (session === undefined || session === null) return null;
  return ROLES.indexOf(session.role) >= ROLES.indexOf(least) ? null : text.common.viewerCannot(session.role);
}
