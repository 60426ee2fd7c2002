// What the line tells of its requests, as signals for the state machine.
import type { LineObserver } from '../domain/ports/line.ts';
import type { Signal } from './machine.ts';

export function observerOf(give: (signal: Signal) => void): LineObserver {
  return {
    onAccepted: () => give({ kind: 'accepted' }),
    onFailing: ({ cause, answer: { message } }, sinceMs) =>
      give({ kind: 'failing', message, sinceMs, rateLimited: cause === 'rateLimited' }),
    onReauthenticate: () => give({ kind: 'reauthenticate' }),
    onHold: (message) => give({ kind: 'hold', message }),
  };
}
