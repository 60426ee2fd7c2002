// Who may do what: each right with the least role that has it. A route names its right; nothing else decides.
import { type Principal, type Role, roleCovers } from '../domain/access.ts';

/** `open` is no entry: routes that need nobody (`/health/*`, logging in) say so themselves. */
export const RIGHTS = {
  'status:read': 'viewer',
  'metrics:read': 'viewer',
  'connectors:read': 'viewer',
  'connections:read': 'viewer',
  'connections:write': 'operator',
  /** Start, stop, restart. */
  'connections:operate': 'operator',
  /** Logs in to HERE with an account that is given. */
  'connections:test': 'operator',
  'connections:debug': 'operator',
  'events:read': 'viewer',
  'messages:read': 'viewer',
  'uplinks:try': 'viewer',
  'dead-letters:read': 'viewer',
  'dead-letters:write': 'operator',
  'devices:read': 'viewer',
  'devices:write': 'operator',
  'devices:forget': 'admin',
  'commands:read': 'viewer',
  'commands:write': 'operator',
  'here:read': 'viewer',
  'brokers:read': 'viewer',
  'brokers:write': 'admin',
  'demo:write': 'operator',
  'users:read': 'admin',
  'users:write': 'admin',
  /** One's own; those of others are an administrator's. */
  'tokens:own': 'viewer',
  'keys:write': 'admin',
  'audit:read': 'admin',
  'support:read': 'admin',
  /** One's own session and password. */
  'session:own': 'viewer',
} as const satisfies Readonly<Record<string, Role>>;

export type Right = keyof typeof RIGHTS | 'open';

export function isRight(value: unknown): value is Right {
  return value === 'open' || (typeof value === 'string' && Object.hasOwn(RIGHTS, value));
}

export function mayUse(role: Role, right: Right): boolean {
  return right === 'open' || roleCovers(role, RIGHTS[right]);
}

export type Authentication =
  /** `headers`: for the answer, such as a renewed cookie. */
  | {
      readonly kind: 'ok';
      readonly principal: Principal;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** `status` 401: nobody was recognised; 503: it could not be judged. */
  | {
      readonly kind: 'refused';
      readonly status: 401 | 503;
      readonly message: string;
      readonly headers?: Readonly<Record<string, string>>;
    };
