// Answers what people and programs ask of commands, of connections that run and of those that do not.
import { commandImbalance } from '../domain/command.ts';
import type { CommandControl, CommandRefusal } from '../domain/ports/commands.ts';
import type { BridgeStore } from '../domain/ports/store.ts';
import type { DownlinkFlow } from '../downlink/downlink-flow.ts';
import { isObject } from '../downlink/json.ts';
import type { Downlinks } from './downlinks.ts';
import type { Views } from './views.ts';

const MAX_MESSAGE_CHARACTERS = 16_384;
const EUI = /^[0-9A-F]{16}$/;

export function createCommandControl({
  store,
  downlinks,
  views,
}: {
  readonly store: Pick<BridgeStore, 'commands'>;
  readonly downlinks: Downlinks;
  readonly views: Views;
}): CommandControl {
  /** The running way back of a connection; else why there is none. */
  function running(id: string): DownlinkFlow | CommandRefusal {
    const live = views.lines.get(id);
    const flow = downlinks.flows.get(id);
    if (live !== undefined && !live.flow.stopped && flow !== undefined) return flow;
    if (store.commands(id) === null) return { kind: 'notFound', message: `There is no connection ${id}` };
    return { kind: 'conflict', message: `Connection ${id} does not run` };
  }

  return {
    ledger(id) {
      const commands = store.commands(id);
      if (commands === null) return null;
      const ledger = commands.ledger();
      return { id, ledger, imbalance: commandImbalance(ledger), off: commands.verify() };
    },
    list(id, query) {
      const commands = store.commands(id)?.list(query) ?? null;
      if (commands === null) return null;
      return { commands, next: commands.length < query.limit ? null : (commands.at(-1)?.id ?? null) };
    },
    get: (id, command) => store.commands(id)?.get(command) ?? null,
    cancel(id, number) {
      const flow = running(id);
      if ('kind' in flow) return flow;
      const known = store.commands(id)?.get(number) ?? null;
      if (known === null) return { kind: 'notFound', message: `Connection ${id} has no command ${number}` };
      const cancelled = flow.cancel(number);
      if (cancelled === null || cancelled === 'busy') {
        const state = store.commands(id)?.get(number)?.state ?? known.state;
        return { kind: 'conflict', message: `Command ${number} is ${state}: it is too late to cancel it` };
      }
      return { kind: 'ok', command: cancelled };
    },
    async send(id, device, desired, signal) {
      const flow = running(id);
      if ('kind' in flow) return flow;
      const { project } = flow;
      if (project === null) return { kind: 'conflict', message: `Connection ${id} is not open` };
      const outcome = await project.shadows.desire(device.toUpperCase(), JSON.stringify(desired), signal);
      switch (outcome.kind) {
        case 'ok':
          return outcome;
        case 'unknownDevice':
          return { kind: 'notFound', message: `HERE does not know the device ${device}: ${outcome.answer.message}` };
        case 'invalid':
          return { kind: 'invalid', message: `HERE does not take it: ${outcome.answer.message}` };
        default:
          return { kind: 'unavailable', message: `HERE did not take it: ${outcome.answer.message}` };
      }
    },
    newAddress(id) {
      const flow = running(id);
      return 'kind' in flow ? flow : { kind: 'ok', uuid: downlinks.newAddress(id) };
    },
    post(uuid, message) {
      const found = downlinks.addresses.use(uuid);
      if (found === null) return { kind: 'notFound', message: 'There is no such address' };
      if ('retryAfterS' in found) return { kind: 'tooOften', message: 'Too many downlinks at once', ...found };
      const flow = running(found.connectionId);
      if ('kind' in flow) return flow;
      const content = isObject(message) ? message.DevEUI_downlink : null;
      if (!isObject(content)) return { kind: 'invalid', message: 'Wanted: {"DevEUI_downlink": {…}}' };
      const device = String(content.DevEUI).slice(0, 40).replaceAll(/[-:]/g, '').toUpperCase();
      if (!EUI.test(device)) return { kind: 'invalid', message: 'DevEUI must have 16 hex digits' };
      if (JSON.stringify(content).length > MAX_MESSAGE_CHARACTERS) {
        return { kind: 'invalid', message: 'The downlink is too long' };
      }
      const outcome = flow.post(device, content);
      return outcome.kind === 'ok' ? outcome : { kind: 'conflict', message: outcome.message };
    },
  };
}
