// The tenants of the demo, and what goes wrong for one of them: HERE fails now and then.
import type { Sandbox } from '../../sandbox/server.ts';

export const TENANTS = ['north', 'south'] as const;
export const TROUBLED = 1;

export function addTroubles(sandbox: Sandbox): void {
  const appId = sandbox.appIds[TROUBLED] as string;
  sandbox.addFault({ name: '503', rate: 0.04, appId, path: '/v3/batch' });
  sandbox.addFault({ name: '429', rate: 0.02, retryAfterS: 1, appId, path: '/v3/batch' });
  sandbox.addFault({ name: '400', rate: 0.002, appId, path: '/v3/batch' });
}
