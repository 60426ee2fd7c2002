// A store that was damaged while the bridge was down: it is noticed at the start, told, and put aside; the connection goes on, every
// message is delivered or counted, and new ones pass.
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import {
  BridgeChild,
  definition,
  settledLedger,
  temporaryFolder,
  until,
  untilState,
  useBroker,
} from '../support/bridge.ts';
import { useSandbox } from '../support/sandbox.ts';
import { Uplinks } from '../support/uplinks.ts';

const WAITING = 400;
const LATER = 50;
/** About three messages of the journal. */
const FLIPPED_BYTES = 2_000;

interface Damage {
  /** Returns what is to be heard of it. */
  do(dataDir: string): RegExp;
  /** Messages that may be dead letters (damaged) instead of delivered. */
  readonly maxDamaged: number;
}

function filesUnder(folder: string, end: string): string[] {
  const found = fs.readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith(end));
  return found.map((name) => path.join(folder, name));
}

function journalFile(dataDir: string): string {
  const files = filesUnder(dataDir, '.seg').filter((file) => fs.statSync(file).size > 50_000);
  return files[0] as string;
}

const DAMAGES: Readonly<Record<string, Damage>> = {
  'bytes of its journal are flipped': {
    do: (dataDir) => {
      const file = journalFile(dataDir);
      const bytes = fs.readFileSync(file);
      const middle = bytes.length >> 1;
      for (let at = middle; at < middle + FLIPPED_BYTES; at++) bytes[at] = (bytes[at] as number) ^ 0xff;
      fs.writeFileSync(file, bytes);
      return /journal of a .*damaged|storeDamaged/;
    },
    maxDamaged: 20,
  },
  'its journal is cut short': {
    do: (dataDir) => {
      const file = journalFile(dataDir);
      fs.truncateSync(file, fs.statSync(file).size >> 1);
      return /journal of a |storeDamaged/;
    },
    maxDamaged: WAITING,
  },
  'its database is overwritten': {
    do: (dataDir) => {
      for (const file of filesUnder(dataDir, 'bridge.db')) fs.writeFileSync(file, Buffer.alloc(64 * 1024, 0x5a));
      for (const file of filesUnder(dataDir, 'bridge.db-wal')) fs.rmSync(file);
      return /database is damaged .* set aside as .*corrupt/;
    },
    maxDamaged: 0,
  },
  'its database is cut short': {
    do: (dataDir) => {
      for (const file of filesUnder(dataDir, 'bridge.db-wal')) fs.rmSync(file);
      for (const file of filesUnder(dataDir, 'bridge.db')) fs.truncateSync(file, 10_000);
      return /database is damaged .* set aside as .*corrupt/;
    },
    maxDamaged: 0,
  },
};

test.each(Object.entries(DAMAGES))(
  '%s while HERE is away and the bridge is down',
  { timeout: 120_000 },
  async (_, damage) => {
    const broker = await useBroker('mosquitto');
    const sandbox = await useSandbox();
    const [appId] = sandbox.appIds;
    const dataDir = temporaryFolder();
    const child = new BridgeChild({ dataDir, broker, services: { sandbox: { url: sandbox.url, timeoutMs: 1_000 } } });
    await child.start();
    await child.apply('a', definition({ email: sandbox.email, password: sandbox.password, appId }));
    await untilState(child, 'a', 'OPENED');
    sandbox.addFault({ name: '503', path: '/v3/batch' });
    const uplinks = new Uplinks({ brokerUrl: broker.url, devices: 50, bytes: 1_000 });
    await uplinks.connected();
    uplinks.publish(WAITING);
    await until('they are in the journal', async () => (await child.connection('a'))?.ledger?.pending === WAITING);

    // In good order, so that the database holds all without its log.
    await child.stop();
    const words = damage.do(dataDir);
    sandbox.removeFault();
    await child.start();
    await until('it is told', async () => (await child.events()).some(({ message }) => words.test(message)));
    await untilState(child, 'a', 'OPENED');
    uplinks.publish(LATER);
    const { ledger, sums } = await settledLedger(child, 'a', WAITING + LATER, 60_000);
    const arrivals = uplinks.arrivals(sandbox, appId);
    const there = [...arrivals.copies].filter((copies) => copies > 0).length;
    // Silently forgotten is none: what does not arrive is a dead letter.
    expect(sums.deadLettered ?? 0).toBeLessThanOrEqual(damage.maxDamaged);
    expect((sums.deadLettered ?? 0) > 0).toBe(damage.maxDamaged > 0);
    expect(there + (sums.deadLettered ?? 0)).toBeGreaterThanOrEqual(WAITING + LATER);
    expect(ledger.delivered).toBe(there);
    for (let n = WAITING; n < WAITING + LATER; n++) expect(arrivals.copies[n]).toBe(1);
    expect(arrivals.outOfOrder).toEqual([]);
  },
);
