// Verbs on single devices: retire (no longer claimed, skipped), release, forget (data protection).
import Type from 'typebox';
import type { ApiApp } from './app.ts';
import { askerOf } from './asker.ts';
import { noConnection } from './connection-routes.ts';
import { ByConnection, ConnectionId, Count, DevEui, Nullable } from './fields.ts';
import { answered, HERE_WAIT_MS } from './here-answers.ts';
import { notFound } from './problem.ts';
import type { ApiPorts } from './routes.ts';

const ByDevice = Type.Object({ id: ConnectionId, device: DevEui });
const tags = ['Devices'];
const write = { right: 'devices:write' } as const;

export function deviceVerbRoutes(
  app: ApiApp,
  { devices, control, audit }: Pick<ApiPorts, 'devices' | 'control' | 'audit'>,
): void {
  const notRunning = (id: string) =>
    control.connection(id) === null ? noConnection(id) : notFound(`Connection ${id} is not running here`);

  app.get(
    '/connections/:id/retired-devices',
    {
      config: { right: 'devices:read' },
      schema: {
        tags,
        summary: 'Devices whose uplinks are skipped on a person’s word',
        params: ByConnection,
        response: { 200: Type.Array(Type.String()) },
      },
    },
    async (request) => {
      const list = devices.retired(request.params.id);
      if (list === null) throw notRunning(request.params.id);
      return list;
    },
  );

  app.post(
    '/connections/:id/devices/:device/retire',
    {
      config: write,
      schema: {
        tags,
        summary: 'Retire it: its uplinks are skipped, and HERE is told that it is no longer claimed',
        description:
          'Claimed devices may be billed. Again it may be sent: a device that is not unclaimed yet is tried again.',
        params: ByDevice,
        response: {
          200: Type.Object({ device: Type.String(), isUnclaimed: Type.Boolean(), message: Nullable(Type.String()) }),
        },
      },
    },
    async (request) => {
      const { id, device } = request.params;
      return answered(await devices.retire(id, device.toUpperCase(), AbortSignal.timeout(HERE_WAIT_MS)));
    },
  );

  app.post(
    '/connections/:id/devices/:device/release',
    {
      config: write,
      schema: {
        tags,
        summary: 'Release it: its next uplink goes to HERE again',
        params: ByDevice,
        response: { 200: Type.Object({ device: Type.String() }) },
      },
    },
    async (request) => {
      const { id } = request.params;
      const device = request.params.device.toUpperCase();
      const wasRetired = devices.release(id, device);
      if (wasRetired === null) throw notRunning(id);
      if (!wasRetired) throw notFound(`${device} is not retired`);
      return { device };
    },
  );

  app.post(
    '/connections/:id/devices/:device/forget',
    {
      config: { right: 'devices:forget', audit: 'own' },
      schema: {
        tags,
        summary: 'Erase what is kept of it here, on a data-protection request',
        description:
          'Journal, dead letters, the list of expired ones, commands, events, remembered messages and figures; in the audit a pseudonym ' +
          'takes its place. `waiting`, `openCommands`, `isJournalClean: false`: what is on its way stays until it is over; forget it ' +
          'again then. What HERE has stored is HERE’s.',
        params: ByDevice,
        response: {
          200: Type.Object({
            deadLetters: Count,
            expired: Count,
            messages: Count,
            activity: Type.Boolean(),
            commands: Count,
            events: Count,
            pseudonym: Type.String({ description: 'Its name in the audit: a keyed hash.' }),
            isRetired: Type.Boolean({ description: 'It stays in the list of retired devices until it is released.' }),
            isJournalClean: Type.Boolean(),
            waiting: Count,
            openCommands: Count,
          }),
        },
      },
    },
    async (request) => {
      const { id, device } = request.params;
      const erased = await devices.forget(id, device.toUpperCase());
      if (erased === null) throw noConnection(id);
      const { principal, from } = askerOf(request);
      const { deadLetters, expired, messages, commands, events, pseudonym } = erased;
      audit.note({
        ...{ who: principal.name, kind: principal.kind, action: 'device.forget', target: `${id} ${pseudonym}` },
        ...{ outcome: 'done', from },
        detail: `erased: ${deadLetters} dead letters, ${expired} expired, ${messages} messages, ${commands} commands, ${events} events`,
      });
      return erased;
    },
  );
}
