// Retires, releases and forgets devices: the retired ones are kept in the connection's store, and its line skips them.
import type { DeadLetterBox } from '../domain/ports/dead-letters.ts';
import type { DeviceControl } from '../domain/ports/devices.ts';
import type { SecretBox } from '../domain/ports/secrets.ts';
import type { BridgeStore, DeadLetter, ErasedDevice } from '../domain/ports/store.ts';
import type { HereDesk } from './here-desk.ts';
import type { Views } from './views.ts';

export interface DeviceDeskOptions {
  readonly views: Views;
  readonly store: Pick<BridgeStore, 'deadLetters' | 'eraseDevice'>;
  readonly box: Pick<SecretBox, 'hmac'>;
  /** Saves the figures without the device. */
  readonly saveFigures: (connectionId: string) => void;
  /** Writes at once which connection has heard which device: written later, it would be there again. */
  readonly saveHeard: () => void;
  readonly unclaim: HereDesk['unclaim'];
}

const STEP = 500;
const MAX_BYTES = 4 * 1024 * 1024;

export function createDeviceDesk({
  views,
  store,
  box,
  saveFigures,
  saveHeard,
  unclaim,
}: DeviceDeskOptions): DeviceControl {
  return {
    async retire(id, device, signal) {
      const live = views.lines.get(id);
      if (live === undefined) return { kind: 'notFound', message: `Connection ${id} is not running here` };
      // First of all: what comes meanwhile would make HERE create the device again.
      if (!views.retired(id, live.store).add(device)) {
        return { kind: 'invalid', message: 'too many devices of this connection are retired already' };
      }
      const answer = await unclaim(id, device, signal);
      const isUnclaimed = answer.kind === 'ok' || answer.kind === 'notFound';
      return { kind: 'ok', value: { device, isUnclaimed, message: isUnclaimed ? null : answer.message } };
    },
    ignore(id, devices) {
      const live = views.lines.get(id);
      if (live === undefined) return null;
      const retired = views.retired(id, live.store);
      return devices.filter((device) => retired.add(device)).length;
    },
    release(id, device) {
      const live = views.lines.get(id);
      return live === undefined ? null : views.retired(id, live.store).remove(device);
    },
    retired(id) {
      const live = views.lines.get(id);
      return live === undefined ? null : views.retired(id, live.store).list();
    },
    async forget(id, device) {
      const letters = store.deadLetters(id);
      const live = views.lines.get(id);
      if (letters === null && live === undefined) return null;
      const deadLetters = letters === null ? 0 : await dropLetters(letters, device);
      const seen = live?.flow.messages({ device, limit: 1000 });
      const waiting = seen?.messages.filter(({ state }) => state !== 'settled').length ?? 0;
      const messages = views.trailOf(id)?.forget(device) ?? 0;
      const activity = views.activity(id).forget(device);
      saveFigures(id);
      saveHeard();
      const pseudonym = `device-${box.hmac(`device ${device}`).slice(0, 16)}`;
      const erased = await store.eraseDevice(id, device, pseudonym);
      return {
        ...(erased ?? NOTHING),
        ...{ deadLetters, messages, activity, pseudonym },
        isRetired: live === undefined ? false : views.retired(id, live.store).has(device),
        waiting: waiting + (seen?.inJournal ?? 0),
      };
    },
  };
}

const NOTHING: ErasedDevice = { commands: 0, openCommands: 0, events: 0, expired: 0, isJournalClean: true };

/** Also those that could not be read, so that nobody knows of whom they are, where they name it. */
async function dropLetters(box: DeadLetterBox, device: string): Promise<number> {
  let dropped = 0;
  for (let after: number | null = 0; after !== null; ) {
    const page = box.page({ filter: {}, order: 'oldest', after, limit: STEP, maxBytes: MAX_BYTES });
    const named = page.letters.filter((letter) => letter.device === device || names(letter, device));
    dropped += box.drop(named.map(({ id }) => id));
    after = page.next;
    // Others have their turn.
    await new Promise((resolve) => setImmediate(resolve));
  }
  return dropped;
}

function names({ topic, payload, detail, original }: DeadLetter, device: string): boolean {
  const texts = [topic, payload.toString('latin1'), JSON.stringify(detail), original?.topic ?? ''];
  texts.push(original?.payload.toString('latin1') ?? '');
  return texts.some((text) => text.toUpperCase().includes(device));
}
