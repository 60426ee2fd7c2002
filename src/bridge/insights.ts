// What the control tells of a connection beside its state: where its messages are, and how much of HERE it uses.
import type { Definitions } from '../connections/definitions.ts';
import type { HereUsage } from '../domain/ports/facts.ts';
import type { MessageControl, TracedMessage } from '../domain/ports/messages.ts';
import type { BridgeStore, DeadLetter } from '../domain/ports/store.ts';
import type { Gateway } from '../here/gateway.ts';
import type { Views } from './views.ts';

export interface InsightOptions {
  readonly views: Views;
  readonly gateway: Gateway;
  readonly store: BridgeStore;
  readonly definitions: Definitions;
  readonly defaultService: string;
}

export interface Insights {
  readonly messages: MessageControl;
  /** Of the app ID that the connection sends to; null: it has none open. */
  readonly usageOf: (connectionId: string) => HereUsage | null;
}

/** Dead letters of the device that the trail has forgotten, or that are from before the start. */
const LETTERS_AT_MOST = 20;

export function insights({ views, gateway, store, definitions, defaultService }: InsightOptions): Insights {
  return {
    messages: {
      messages(id, query) {
        const live = views.lines.get(id);
        if (live === undefined) return null;
        const page = live.flow.messages(query);
        const { device, outcomes, fCnt } = query;
        // A dead letter's counter is not kept beside it.
        const wantsLetters = device !== undefined && fCnt === undefined && (outcomes?.includes('deadLettered') ?? true);
        if (!wantsLetters || page.messages.length >= query.limit) return page;
        const known = new Set(page.messages.map(({ seq }) => seq));
        const room = Math.min(LETTERS_AT_MOST, query.limit - page.messages.length);
        const found = store
          .deadLetters(id)
          ?.page({ filter: { device }, order: 'newest', limit: LETTERS_AT_MOST, maxBytes: 1024 * 1024 });
        const letters = (found?.letters ?? []).filter(({ seq }) => !known.has(seq)).slice(0, room);
        return { ...page, messages: [...page.messages, ...letters.map(traced)] };
      },
    },
    usageOf(id) {
      const appId = views.status(id)?.appId ?? null;
      if (appId === null) return null;
      return gateway.usageOf(definitions.record(id)?.configuration.service ?? defaultService, appId);
    },
  };
}

function traced({ seq, device, arrivedAt, time, reason, detail }: DeadLetter): TracedMessage {
  const { record: _, ...told } = detail;
  return {
    seq,
    device,
    fCnt: null,
    state: 'settled',
    receivedAt: arrivedAt,
    sentAt: null,
    attempts: detail.attempts ?? 0,
    requestId: detail.requestId ?? null,
    lastAnswer: null,
    outcome: { kind: 'deadLettered', reason, detail: told },
    settledAt: time,
  };
}
