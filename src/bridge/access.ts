// Access to the API: the book of users on the config topic, the audit, the issuer; and the refusal to be open to the world by accident.
import { isIP } from 'node:net';
import path from 'node:path';
import { BridgeAccess } from '../access/access.ts';
import { AuditLog } from '../access/audit-log.ts';
import { KEY_CHECK, KeyCheck } from '../access/key-check.ts';
import { OidcVerifier } from '../access/oidc.ts';
import { SharedBook } from '../access/shared-book.ts';
import type { CookieRules } from '../api/authenticate.ts';
import type { GateOptions } from '../api/gate.ts';
import type { Config, HttpConfig } from '../config/config.ts';
import { isLoopback } from '../config/http-rules.ts';
import { BridgeError, EXIT } from '../domain/errors.ts';
import type { EventSink } from '../domain/events.ts';
import type { Asker, Audit } from '../domain/ports/access.ts';
import type { Broker, Publisher } from '../domain/ports/broker.ts';
import type { Clock } from '../domain/ports/clock.ts';
import type { KeyRing } from '../domain/ports/secrets.ts';
import type { BridgeStore } from '../domain/ports/store.ts';
import { Throttle } from '../domain/throttle.ts';
import type { Logger } from '../ops/logger.ts';
import { reachLog } from '../ops/out-of-reach.ts';
import { KeptTextFile } from '../store/kept-file.ts';

export interface AccessParts {
  readonly broker: Broker;
  readonly publisher: Publisher;
  readonly store: BridgeStore;
  readonly box: KeyRing;
  readonly clock: Clock;
  readonly events: EventSink;
  readonly logger: Logger;
  /** Ends a start that waits for the broker. */
  readonly signal?: AbortSignal | undefined;
}

export interface AccessControl {
  readonly access: BridgeAccess;
  readonly audit: Audit;
  readonly cookies: CookieRules;
  readonly gate: GateOptions;
  /** Seals the users, and the word that tells workers with different keys, anew under the current key. */
  reseal(): Promise<void>;
  stop(): Promise<void>;
}

const BRIDGE: Asker = { principal: { kind: 'local', name: 'bridge', role: 'admin', user: null }, from: null };
const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '[::1]'];

/** Rejects with a BridgeError `noUsers` or `usersInPlain` (exit 78) where the port must not be served so. */
export async function startAccess(
  { http, topics, dataDir }: Pick<Config, 'http' | 'topics' | 'dataDir'>,
  { broker, publisher, store, box, clock, events, logger, signal }: AccessParts,
): Promise<AccessControl> {
  const audit = new AuditLog({
    clock,
    store: store.audit,
    onEntry: (entry) =>
      logger.info({ audit: entry }, `${entry.who}: ${entry.action} ${entry.target ?? ''} ${entry.outcome}`),
    onStoreError: (error) => logger.warn({ err: error }, 'An audit entry could not be kept'),
  });
  const keyCheck = new KeyCheck({
    publisher,
    prefix: topics.prefix,
    ring: box,
    onDifferent: (message) => events.emit({ kind: 'secretKeyDiffers', severity: 'error', connectionId: null, message }),
  });
  const shared = new SharedBook({
    broker,
    publisher,
    prefix: topics.prefix,
    box,
    clock,
    file: new KeptTextFile(path.join(dataDir, 'access.sealed')),
    onTrouble: ({ kind, message }) =>
      events.emit({ kind: 'usersRecord', severity: 'error', connectionId: null, key: kind, message }),
    onReach: reachLog({ logger, clock, broker: topics.broker }, 'The users on the config topic are'),
    other: { key: KEY_CHECK, heard: (value) => keyCheck.heard(value) },
  });
  try {
    await shared.start(signal);
    const isEncrypted = http.tls.certFile !== null || http.trustProxy.length > 0;
    const isHere = isLoopback(http.host);
    const access = new BridgeAccess({
      shared,
      box,
      clock,
      audit,
      session: http.session,
      oidc: issuerOf(http, clock),
      mayBeOpen: isHere || http.open,
      noUsers: isHere || isEncrypted ? null : IN_PLAIN,
    });
    await makeFirstAdmin(access, shared, http);
    refuseUnlessGuarded(http, shared, isHere, isEncrypted);
    if (access.isOpen && !isHere) {
      logger.warn(
        { host: http.host },
        `http.open: whoever reaches ${http.host}:${http.port} is administrator of this bridge, without a log-in and unencrypted`,
      );
    }
    const cookies = { isSecure: isEncrypted, maxAgeMs: http.session.maxMs };
    return {
      access,
      audit,
      cookies,
      gate: gateOptions(http, access, clock, isHere, isEncrypted),
      reseal: async () => {
        await shared.reseal();
        await keyCheck.publish();
      },
      stop: () => shared.stop(),
    };
  } catch (error) {
    await shared.stop();
    throw error;
  }
}

const IN_PLAIN =
  'Passwords would travel in plain: give http.tls.certFile and http.tls.keyFile, or http.trustProxy with the address of the proxy that ends TLS';

function issuerOf({ oidc }: HttpConfig, clock: Clock): OidcVerifier | null {
  const { issuer, audience } = oidc;
  return issuer === null || audience === null ? null : new OidcVerifier({ ...oidc, issuer, audience, clock });
}

async function makeFirstAdmin(
  access: BridgeAccess,
  shared: SharedBook,
  { firstAdminPassword }: HttpConfig,
): Promise<void> {
  if (firstAdminPassword === null || shared.isLocked || shared.book.users.length > 0) return;
  const made = await access.addUser(BRIDGE, { name: 'admin', role: 'admin', password: firstAdminPassword });
  // Another process that starts now has made it as well.
  if (made.kind === 'ok' || made.kind === 'exists') return;
  const why =
    made.kind === 'invalid' ? `the password ${made.message}` : made.kind === 'notFound' ? made.kind : made.message;
  throw new BridgeError('firstAdmin', `http.firstAdminPassword: the user admin could not be made: ${why}`, {
    exitCode: made.kind === 'unavailable' ? EXIT.unavailable : EXIT.config,
  });
}

function refuseUnlessGuarded(http: HttpConfig, shared: SharedBook, isHere: boolean, isEncrypted: boolean): void {
  // With another key nobody can log in, and uplinks must flow on all the same: the events say what is wrong.
  if (isHere || shared.isLocked) return;
  const hasUsers = shared.book.users.length > 0;
  if (hasUsers && !isEncrypted) {
    throw new BridgeError('usersInPlain', `http.host is ${http.host} and there are users. ${IN_PLAIN}.`, {
      exitCode: EXIT.config,
    });
  }
  if (hasUsers || http.oidc.issuer !== null || http.open) return;
  const message =
    `http.host is ${http.host}, beyond the loopback interface, and there are no users. Make the first one with ` +
    'http.firstAdminPasswordFile, or by `here-bridge users add` while http.host is 127.0.0.1; or name an issuer (http.oidc.issuer); or, ' +
    'where something else guards the address, set http.open=true: then whoever reaches it is administrator.';
  throw new BridgeError('noUsers', message, { exitCode: EXIT.config });
}

function gateOptions(
  http: HttpConfig,
  access: BridgeAccess,
  clock: Clock,
  isHere: boolean,
  isEncrypted: boolean,
): GateOptions {
  const names = new Set(
    [...http.hosts, ...(isHere ? [...LOOPBACK_NAMES, http.host] : [])].map((name) => name.toLowerCase()),
  );
  const rate = http.requestsPerSecond;
  const requests = new Throttle(clock, { burst: 5 * rate, everyMs: 1000 / rate });
  return {
    mayBeAddressedAs: (name) => {
      if (names.size > 0) return names.has(name);
      // Where nobody logs in a rebound name would be as good as a password; numbers cannot be rebound.
      return !access.isOpen || name === 'localhost' || isIP(name.replace(/^\[|\]$/g, '')) !== 0;
    },
    ownNames: http.hosts,
    corsOrigins: new Set(http.corsOrigins),
    takeRequest: (address) => requests.take(address),
    isEncrypted,
  };
}
