// What the line tells of its requests, and the watches of what they see, as signals for the state machine.
import type { LineObserver } from '../domain/ports/line.ts';
import { licenceExpired } from './here-access.ts';
import type { Signal } from './machine.ts';
import type { WatchListener } from './watches.ts';

export function observerOf(give: (signal: Signal) => void): LineObserver {
  return {
    onAccepted: () => give({ kind: 'accepted' }),
    onFailing: ({ cause, afterMs, answer: { message } }, sinceMs) =>
      give({ kind: 'failing', message, sinceMs, pauseMs: afterMs ?? 0, rateLimited: cause === 'rateLimited' }),
    onReauthenticate: () => give({ kind: 'reauthenticate' }),
    onHold: (message) => give({ kind: 'hold', message }),
  };
}

export function watchListenerOf(give: (signal: Signal) => void, onAlarms: () => void): WatchListener {
  return {
    onSilence: (again) => give({ kind: 'silence', again }),
    onLicenceExpired: (message) => give(licenceExpired(message)),
    onAlarms,
  };
}
