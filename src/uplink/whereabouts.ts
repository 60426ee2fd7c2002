// Whereabouts: answers "where is my message" from what the line has in its hands anyway: lanes, backlog and trail.
import type { MessagePage, MessageQuery, MessageState, TracedMessage } from '../domain/ports/messages.ts';
import type { Backlog } from './backlog.ts';
import type { Trail } from './trail.ts';
import type { Item, LaneState, WaitingRoom } from './waiting.ts';

const STATES: Readonly<Record<LaneState, MessageState>> = {
  ready: 'waiting',
  flying: 'inFlight',
  parked: 'waitingForDevice',
};

export function whereabouts(query: MessageQuery, room: WaitingRoom, backlog: Backlog, trail: Trail): MessagePage {
  const { device, fCnt, outcomes, before, limit } = query;
  const isWanted = ({ outcome, fCnt: count }: Pick<TracedMessage, 'outcome' | 'fCnt'>): boolean =>
    (fCnt === undefined || count === fCnt) &&
    (outcomes === undefined || (outcome !== null && outcomes.includes(outcome.kind)));
  if (device === undefined) {
    const found = trail.latest(limit, before ?? Number.POSITIVE_INFINITY, (outcome, count) =>
      isWanted({ outcome, fCnt: count }),
    );
    return { ...found, inJournal: 0 };
  }
  const waiting = room
    .whereabouts(device)
    .map(({ item, state }) => traced(item, STATES[state]))
    .reverse();
  // A device's trail is a handful: it is one page.
  const messages = [...waiting, ...trail.of(device)].filter(isWanted).slice(0, limit);
  return { messages, inJournal: backlog.unreadOf(device), next: null };
}

function traced(item: Item, state: MessageState): TracedMessage {
  const { seq, device, fCnt, arrivedAt, sentAt, attempts, lastAnswer } = item;
  return {
    seq,
    device,
    fCnt: fCnt ?? null,
    state,
    receivedAt: arrivedAt,
    sentAt: sentAt === undefined || sentAt === 0 ? null : sentAt,
    attempts,
    requestId: lastAnswer === undefined || lastAnswer.requestId === '' ? null : lastAnswer.requestId,
    lastAnswer: lastAnswer === undefined ? null : lastAnswer.message,
    outcome: null,
    settledAt: null,
  };
}
