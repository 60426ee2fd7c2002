// Trying an uplink: what HERE would get of it. Nothing is sent.
import { useQuery } from '@tanstack/react-query';
import { call } from './call.ts';

export interface TriedField {
  readonly field: string;
  readonly rule: string | null;
  readonly value?: unknown;
  readonly passedOver: readonly { readonly rule: string; readonly why: string }[];
}

export interface Tried {
  readonly device: string | null;
  readonly outcome: {
    readonly kind: string;
    readonly reason?: string;
    readonly detail?: { readonly message?: string };
  } | null;
  readonly records: readonly unknown[];
  readonly fields: readonly TriedField[];
  readonly notes: readonly string[];
}

/** `uplink`: as typed; empty: nothing is asked. */
export function useTriedUplink(uplink: string) {
  return useQuery({
    queryKey: ['uplinks', 'try', uplink],
    queryFn: ({ signal }) => tryUplink({ uplink: parsed(uplink) }, signal),
    enabled: uplink.trim() !== '',
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 60_000,
  });
}

/** As that connection maps it. */
export function tryAs(connectionId: string, topic: string, uplink: string, signal: AbortSignal): Promise<Tried> {
  return tryUplink({ uplink: parsed(uplink), topic, connectionId }, signal);
}

async function tryUplink(body: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<Tried> {
  return (await call<Tried>('POST', '/uplinks/try', { body, signal })).data;
}

/** JSON goes as JSON, so that the API's own limits hold for it; anything else as the text that it is. */
function parsed(uplink: string): unknown {
  try {
    return JSON.parse(uplink);
  } catch {
    return uplink;
  }
}
