// What the address of the settings says of which changes the audit shows: a reload and a link keep it.
import type { AuditFilter } from '../../api/access.ts';

/** The most that the bridge takes. */
const MAX_LENGTH = 200;

export function auditSearchOf(given: Record<string, unknown>): AuditFilter {
  // What is digits alone comes as a number.
  const part = (name: 'who' | 'action' | 'target'): AuditFilter => {
    const value = given[name] === undefined ? '' : String(given[name]).trim().slice(0, MAX_LENGTH);
    return value === '' ? {} : { [name]: value };
  };
  const { outcome } = given;
  return {
    ...part('who'),
    ...part('action'),
    ...part('target'),
    ...(outcome === 'done' || outcome === 'refused' ? { outcome } : {}),
  };
}
