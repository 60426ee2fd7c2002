// Retires, releases and forgets devices: the retired ones are kept in the connection's store, and its line skips them.
import type { DeviceControl } from '../domain/ports/devices.ts';
import type { BridgeStore } from '../domain/ports/store.ts';
import type { HereDesk } from './here-desk.ts';
import type { Views } from './views.ts';

export interface DeviceDeskOptions {
  readonly views: Views;
  readonly store: Pick<BridgeStore, 'deadLetters' | 'forgetExpired'>;
  readonly unclaim: HereDesk['unclaim'];
}

const STEP = 500;
const MAX_BYTES = 4 * 1024 * 1024;

export function createDeviceDesk({ views, store, unclaim }: DeviceDeskOptions): DeviceControl {
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
    forget(id, device) {
      const box = store.deadLetters(id);
      const live = views.lines.get(id);
      if (box === null && live === undefined) return null;
      let deadLetters = 0;
      for (let after: number | null = 0; box !== null && after !== null; ) {
        const page = box.page({ filter: { device }, order: 'oldest', after, limit: STEP, maxBytes: MAX_BYTES });
        deadLetters += box.drop(page.letters.map((letter) => letter.id));
        after = page.next;
      }
      const seen = live?.flow.messages({ device, limit: 1000 });
      const waiting = seen?.messages.filter(({ state }) => state !== 'settled').length ?? 0;
      return {
        deadLetters,
        expired: store.forgetExpired(id, device),
        messages: views.trailOf(id)?.forget(device) ?? 0,
        activity: views.activity(id).forget(device),
        waiting: waiting + (seen?.inJournal ?? 0),
      };
    },
  };
}
