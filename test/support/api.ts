// The ports of the API for tests that need a few of them.
import type { ApiPorts } from '../../src/api/routes.ts';
import type { Access } from '../../src/domain/ports/access.ts';
import type { Control } from '../../src/domain/ports/control.ts';

/** What is not given is not there: a route that asks for it fails with a 500. */
export function portsOf(control: Partial<Control>, others: Partial<ApiPorts> = {}): ApiPorts {
  return {
    control: control as Control,
    isReady: () => true,
    version: '0.0.0-test',
    access: {} as Access,
    audit: { note: () => {}, list: () => [] },
    cookies: { isSecure: false, maxAgeMs: 3_600_000 },
    ...others,
  };
}
