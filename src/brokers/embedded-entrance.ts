// Who gets into the embedded broker: the right password of a user, not too many wrong ones before it, and a client id that is no
// other user's and none of the bridge's own.
import { createHash } from 'node:crypto';
import type { AedesOptions, AuthenticateError, Client } from 'aedes';
import { LogInLimits, type LogInRates } from '../domain/log-in-limits.ts';
import { network } from '../domain/network.ts';
import type { Clock } from '../domain/ports/clock.ts';
import type { ClientOwners, Users } from './embedded-owners.ts';
import type { ClientRights } from './embedded-rights.ts';
import { assertKeepable, refusalOf } from './embedded-topics.ts';
import type { UserList } from './embedded-users.ts';

/** What the bridge's own publishers are called in the broker's file. */
export const OWN_CLIENTS = 'here-bridge/';

export interface EntranceOptions {
  readonly users: UserList;
  readonly rights: ClientRights;
  readonly owners: ClientOwners;
  /** The topics of the session under a client id; null: there is none. */
  readonly topicsOf: (clientId: string) => readonly string[] | null;
  readonly clock: Clock;
}

/** For machines: many behind one address, some of which try a wrong password for ever. */
const MACHINES: LogInRates = {
  own: { burst: 10, everyMs: 10_000 },
  network: { burst: 100, everyMs: 1_000 },
  name: { burst: 200, everyMs: 2_000 },
};
const MAX_CLIENTS_OF_NAME = 2_000;
const MAX_REMEMBERED = 200;
/** It is written with each filter of a session, and with each packet identifier that waits for PUBREL. */
const MAX_CLIENT_ID = 1_024;
/** aedes's for a client that names none: another one at each connection. */
const GIVEN_ID = /^aedes_[0-9a-f-]{36}$/;

/** Of MQTT 3.1.1. */
const CODE = { identifierRejected: 2, unavailable: 3, wrongPassword: 4, notAuthorized: 5 } as const;

export class Entrance {
  readonly #options: EntranceOptions;
  readonly #limits: LogInLimits;
  readonly #known: Users;

  constructor(options: EntranceOptions) {
    const { users, rights, clock } = options;
    this.#options = options;
    this.#limits = new LogInLimits(clock, MACHINES, MAX_CLIENTS_OF_NAME);
    this.#known = {
      has: (name) => users.has(name),
      mayReadAny: (name, topics) => rights.mayReadAny(name, topics),
    };
  }

  readonly authenticate: NonNullable<AedesOptions['authenticate']> = (client, username, password, done) => {
    this.#judge(client, username, password).then(
      (refusal) => done(refusal, refusal === null),
      () => done(refused('unavailable', 'the password could not be checked'), false),
    );
  };

  leave(client: Client): void {
    this.#options.owners.release(client.id, client);
  }

  /** Null: it may enter. */
  async #judge(client: Client, username: string | undefined, password: Buffer | undefined) {
    const { users, rights, owners, topicsOf } = this.#options;
    if (client.id.startsWith(OWN_CLIENTS)) {
      return refused('identifierRejected', `client ids that begin with "${OWN_CLIENTS}" are the bridge's own`);
    }
    if (client.id.length > MAX_CLIENT_ID) {
      return refused('identifierRejected', `its client id has more than ${MAX_CLIENT_ID} characters`);
    }
    const { _will: will } = client as unknown as { readonly _will?: { readonly topic: string } | null };
    // Once the client is gone there is nobody whom a refusal could reach.
    const against = will ? refusalOf(will.topic, assertKeepable) : null;
    if (against !== null) return refused('notAuthorized', `its will: ${against.message}`);
    if (users.isEmpty) return null;
    const name = username ?? '';
    const id = GIVEN_ID.test(client.id) ? '' : client.id;
    const attempt = { name: short(name), from: addressOf(client), client: short(id) };
    if (this.#limits.take(attempt) > 0) {
      return refused('unavailable', `too many wrong passwords from ${network(attempt.from)}`);
    }
    const verdict = await users.check(username, password);
    if (verdict === 'wrong') return refused('wrongPassword', 'wrong user name or password');
    if (verdict === 'busy') {
      this.#limits.giveBack(attempt);
      return refused('unavailable', 'too many passwords are being checked just now');
    }
    this.#limits.succeeded(attempt);
    if (!rights.connects(client, name)) {
      return refused('notAuthorized', 'this user may not publish its will there');
    }
    // It has hung up meanwhile: nobody would give the client id back.
    if (client.closed || client.conn.destroyed) return null;
    if (owners.claim(client.id, client, name, topicsOf(client.id), this.#known)) return null;
    return refused('identifierRejected', 'the client id is that of another user');
  }
}

function refused(code: keyof typeof CODE, why: string): AuthenticateError {
  return Object.assign(new Error(why), { returnCode: CODE[code] }) as unknown as AuthenticateError;
}

/** It was refused unlooked at. */
export function isLimit(error: Error): boolean {
  return (error as Partial<AuthenticateError>).returnCode === CODE.unavailable;
}

/** Up to 64 KiB each, of thousands of attempts that are remembered. */
function short(text: string): string {
  return text.length <= MAX_REMEMBERED ? text : createHash('sha256').update(text).digest('base64');
}

function addressOf({ conn }: Client): string {
  return ('remoteAddress' in conn ? (conn.remoteAddress as string | undefined) : undefined) ?? '';
}
