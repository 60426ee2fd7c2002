// The recent uplinks of a device: when each came, how long it waited to be sent and to be answered, and how it ended.
import type { ReactNode } from 'react';
import { type Message, useMessages } from '../../api/messages.ts';
import { formatCount, formatSpan, text } from '../../text/text.ts';
import { LoadNotice, Panel } from '../../ui/panel.tsx';
import { Scroller } from '../../ui/scroller.tsx';
import { Moment } from '../../ui/time.tsx';

const words = text.device;
const KIND: Readonly<Record<string, string>> = {
  delivered: 'good',
  deadLettered: 'bad',
  expired: 'bad',
  skipped: 'warn',
};

export interface OfDevice {
  readonly id: string;
  readonly device: string;
}

export function UplinksPanel({ id, device }: OfDevice): ReactNode {
  const query = useMessages(id, device);
  const page = query.data;
  const waiting =
    page !== undefined && page.inJournal > 0 ? { note: words.inJournal(formatCount(page.inJournal)) } : {};
  return (
    <Panel title={words.uplinks} {...waiting}>
      {page === undefined ? (
        <LoadNotice state={query} />
      ) : page.messages.length === 0 ? (
        <p className="muted">{words.noUplinks}</p>
      ) : (
        <Scroller label={words.uplinks}>
          <ul className="uplinks">
            {page.messages.map((message) => (
              <Row key={message.seq} message={message} />
            ))}
          </ul>
        </Scroller>
      )}
    </Panel>
  );
}

function Row({ message }: { readonly message: Message }): ReactNode {
  const { outcome, fCnt, attempts, lastAnswer, requestId } = message;
  const state = outcome?.kind ?? message.state;
  const parts = [
    fCnt === null ? null : words.frame(String(fCnt)),
    ...waitsOf(message),
    attempts > 1 ? words.attempts(formatCount(attempts)) : null,
    outcome?.reason ?? null,
    lastAnswer,
  ];
  return (
    <li {...(requestId === null ? {} : { title: `${text.deadLetters.requestId}: ${requestId}` })}>
      <Moment at={message.receivedAt} />
      <span className={`badge ${KIND[state] ?? 'none'}`}>{words.states[state] ?? state}</span>
      <span className="uplink-waits muted">{parts.filter((part) => part !== null && part !== '').join(' · ')}</span>
    </li>
  );
}

/** From received to sent to answered, as far as it has come. */
function waitsOf({ receivedAt, sentAt, settledAt }: Message): string[] {
  const span = (from: string, to: string): string => formatSpan(Math.max(0, Date.parse(to) - Date.parse(from)));
  if (sentAt === null) return settledAt === null ? [] : [words.settledIn(span(receivedAt, settledAt))];
  const sent = words.sentAfter(span(receivedAt, sentAt));
  return settledAt === null ? [sent] : [sent, words.settledAfter(span(sentAt, settledAt))];
}
