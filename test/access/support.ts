// Access as a bridge has it, over a real embedded broker in memory, with passwords that are cheap to check.
import { randomBytes } from 'node:crypto';
import { onTestFinished } from 'vitest';
import { BridgeAccess } from '../../src/access/access.ts';
import { AuditLog } from '../../src/access/audit-log.ts';
import type { OidcVerifier } from '../../src/access/oidc.ts';
import { Passwords } from '../../src/access/passwords.ts';
import { type BookTrouble, type KeptFile, SharedBook } from '../../src/access/shared-book.ts';
import { createEmbeddedBroker, type EmbeddedBroker } from '../../src/brokers/embedded.ts';
import type { AuditEntry, Principal, Role } from '../../src/domain/access.ts';
import type { Asker } from '../../src/domain/ports/access.ts';
import type { Publisher } from '../../src/domain/ports/broker.ts';
import type { Clock } from '../../src/domain/ports/clock.ts';
import type { SecretBox } from '../../src/domain/ports/secrets.ts';
import { systemClock } from '../../src/ops/clock.ts';
import { openSecretBox } from '../../src/store/secrets.ts';
import { until } from '../support/bridge.ts';

export const KEY = '11'.repeat(32);
export const TOPIC = 'here-bridge/access/book';
export const CHEAP = new Passwords({ ln: 10, r: 1, p: 1 });
export const PASSWORD = 'correct horse battery staple';

export function box(key = KEY, formerKeys: readonly string[] = []): SecretBox {
  return openSecretBox({ dataDir: '/nowhere', key, formerKeys });
}

export class MemoryFile implements KeptFile {
  text: string | null = null;
  read(): string | null {
    return this.text;
  }
  write(text: string): void {
    this.text = text;
  }
}

export async function startBroker(): Promise<EmbeddedBroker> {
  const broker = createEmbeddedBroker({ name: 'main', port: 0, storeFile: null, clock: systemClock });
  await broker.start();
  onTestFinished(() => broker.stop());
  return broker;
}

export interface Process {
  readonly shared: SharedBook;
  readonly publisher: Publisher;
  readonly troubles: BookTrouble[];
  readonly file: MemoryFile;
}

/** One API process's view of the book. */
export async function openBook(
  broker: EmbeddedBroker,
  options: { box?: SecretBox; file?: MemoryFile } = {},
): Promise<Process> {
  const publisher = broker.openPublisher({});
  publisher.start();
  const troubles: BookTrouble[] = [];
  const file = options.file ?? new MemoryFile();
  const shared = new SharedBook({
    broker,
    publisher,
    prefix: 'here-bridge',
    box: options.box ?? box(),
    clock: systemClock,
    file,
    onTrouble: (trouble) => troubles.push(trouble),
    settleMs: 50,
  });
  onTestFinished(async () => {
    await shared.stop();
    await publisher.stop();
  });
  await shared.start();
  await until('the publisher is connected', () => publisher.connected);
  return { shared, publisher, troubles, file };
}

export interface Opened extends Process {
  readonly access: BridgeAccess;
  readonly audit: AuditEntry[];
}

export async function openAccess(
  broker: EmbeddedBroker,
  options: {
    box?: SecretBox;
    file?: MemoryFile;
    clock?: Clock;
    oidc?: OidcVerifier;
    mayBeOpen?: boolean;
    noUsers?: string;
  } = {},
): Promise<Opened> {
  const process = await openBook(broker, options);
  const audit: AuditEntry[] = [];
  const clock = options.clock ?? systemClock;
  const store = { append: () => {}, list: () => [] };
  const access = new BridgeAccess({
    shared: process.shared,
    box: options.box ?? box(),
    clock,
    audit: new AuditLog({ clock, store, onEntry: (entry) => audit.push(entry), onStoreError: () => {} }),
    session: { idleMs: 30 * 60_000, maxMs: 12 * 3_600_000 },
    oidc: options.oidc ?? null,
    mayBeOpen: options.mayBeOpen ?? true,
    noUsers: options.noUsers ?? null,
    passwords: CHEAP,
  });
  return { ...process, access, audit };
}

export const LOCAL: Asker = { principal: { kind: 'local', name: 'local', role: 'admin', user: null }, from: null };

export function as(name: string, role: Role): Asker {
  const principal: Principal = { kind: 'session', name, role, user: name };
  return { principal, from: '192.0.2.1' };
}

/** Adds users with `PASSWORD`; the first must be an admin. */
export async function addUsers(access: BridgeAccess, users: Readonly<Record<string, Role>>): Promise<void> {
  for (const [name, role] of Object.entries(users)) {
    const added = await access.addUser(LOCAL, { name, role, password: PASSWORD });
    if (added.kind !== 'ok') throw new Error(`not added: ${JSON.stringify(added)}`);
  }
}

export const randomKey = (): string => randomBytes(32).toString('hex');
