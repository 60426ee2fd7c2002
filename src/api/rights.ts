// Who may do what: each right with the least role that has it. A route names its right; nothing else decides.

/** Each role may do all that the ones before it may. */
export const ROLES = ['viewer', 'operator', 'admin'] as const;
export type Role = (typeof ROLES)[number];

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
  'commands:read': 'viewer',
  'commands:write': 'operator',
  'here:read': 'viewer',
  'brokers:read': 'viewer',
  'brokers:write': 'admin',
  'demo:write': 'operator',
  'users:read': 'admin',
  'users:write': 'admin',
  'tokens:read': 'admin',
  'tokens:write': 'admin',
  'audit:read': 'admin',
  'support:read': 'admin',
  /** One's own session, password and tokens. */
  'session:own': 'viewer',
} as const satisfies Readonly<Record<string, Role>>;

export type Right = keyof typeof RIGHTS | 'open';

export function isRight(value: unknown): value is Right {
  return value === 'open' || (typeof value === 'string' && Object.hasOwn(RIGHTS, value));
}

export function mayUse(role: Role, right: Right): boolean {
  return right === 'open' || ROLES.indexOf(role) >= ROLES.indexOf(RIGHTS[right]);
}

/** Who asks. */
export interface Principal {
  /** For the audit: a user's or token's name. */
  readonly name: string;
  readonly role: Role;
  /** How it was recognised, for example `loopback`, `adminFile`, `session`, `token`, `oidc`. */
  readonly via: string;
}

export type Authentication =
  | { readonly kind: 'ok'; readonly principal: Principal }
  /** `status` 401: nobody was recognised; 429: asked too often; 403: recognised and shut out. */
  | {
      readonly kind: 'refused';
      readonly status: 401 | 403 | 429;
      readonly message: string;
      readonly headers?: Readonly<Record<string, string>>;
    };

/** Of a server that only this machine reaches and that has no users. */
export const LOCAL_ADMIN: Authentication = {
  kind: 'ok',
  principal: { name: 'local', role: 'admin', via: 'loopback' },
};
