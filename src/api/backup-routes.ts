// Backups, on the loopback admin interface alone: their answer is a folder, which only this machine can read.

import { BridgeError } from '../domain/errors.ts';
import type { BackupControl } from '../domain/ports/backup.ts';
import type { ApiApp } from './app.ts';
import { Refusal } from './problem.ts';

const config = { right: 'keys:write', hidden: true } as const;

export function backupRoutes(app: ApiApp, backup: BackupControl): void {
  app.post('/backups', { config: { ...config, keepsNothing: true } }, async () => {
    const copy = await backup.take().catch((error: unknown) => {
      throw error instanceof BridgeError ? new Refusal(503, error.message) : error;
    });
    if (copy === null) throw new Refusal(409, 'A backup is being taken: wait for it');
    return copy;
  });

  app.delete('/backups', { config }, async (_request, reply) => {
    await backup.release();
    return reply.code(204).send();
  });
}
