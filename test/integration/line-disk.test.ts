// A full disk: the bridge says so, acknowledges nothing more, and goes on by itself when there is room.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  BridgeChild,
  definition,
  figures,
  settledLedger,
  type TestBroker,
  temporaryFolder,
  until,
  untilState,
  useBroker,
} from '../support/bridge.ts';
import { find } from '../support/requirements.ts';
import { useSandbox } from '../support/sandbox.ts';
import { Uplinks } from '../support/uplinks.ts';

/** A file system of 16 MiB of its own: only where this user may mount one. */
function mountSmall(folder: string): boolean {
  if (process.platform !== 'linux') return false;
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=16m,mode=0700', 'tmpfs', folder]);
  return status === 0;
}

function mayMount(): boolean {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'bridge-mount-'));
  const may = mountSmall(folder);
  if (may) spawnSync('umount', [folder]);
  fs.rmSync(folder, { recursive: true, force: true });
  return may;
}

function fillUp(file: string): void {
  const fd = fs.openSync(file, 'a');
  try {
    for (let bytes = 1024 * 1024; bytes >= 512; ) {
      try {
        fs.writeSync(fd, Buffer.alloc(bytes));
      } catch {
        bytes /= 2;
      }
    }
  } finally {
    fs.closeSync(fd);
  }
}

async function run(kind: TestBroker['kind']): Promise<void> {
  const sandbox = await useSandbox();
  const { email, password, appIds } = sandbox;
  const broker = await useBroker(kind);
  const disk = temporaryFolder();
  expect(mountSmall(disk)).toBe(true);
  onTestFinished(() => void spawnSync('umount', [disk]));
  const child = new BridgeChild({
    dataDir: path.join(disk, 'data'),
    broker,
    services: { sandbox: { url: sandbox.url } },
    settings: { delivery: { retryMinMs: 50, retryMaxMs: 500 } },
  });
  await child.start();
  await child.apply('a', definition({ email, password, appId: appIds[0] }));
  await untilState(child, 'a', 'OPENED');
  const uplinks = new Uplinks({ brokerUrl: broker.url, devices: 20, bytes: 1_500 });
  await uplinks.connected();
  uplinks.start(200);
  await until('uplinks arrive', () => sandbox.stats().acceptedRecords > 100);

  // HERE is away too, so that the journal has to hold what comes.
  await sandbox.unplug();
  const ballast = path.join(disk, 'ballast');
  fillUp(ballast);
  // What the bridge gives up (a log that was copied back, its reserve) is taken as well.
  const refill = setInterval(() => fillUp(ballast), 50);
  onTestFinished(() => clearInterval(refill));
  const told = async (event: string) => (await child.events('a')).some(({ kind: each }) => each === event);
  // What is told cannot be stored either; the log has it.
  await until('the log says so', () => /"event":"diskFailed"/.test(child.output));
  await until('nothing is left', () => fs.statfsSync(disk).bavail === 0);
  const fullAt = uplinks.acked;
  const publishedAt = uplinks.published;
  await until('more is published', () => uplinks.published > publishedAt + 600);
  const whileFull = uplinks.acked - fullAt;
  const shown = await child.connection('a');
  expect(shown?.status.source?.up).toBe(kind === 'embedded');
  if (kind === 'embedded') expect(whileFull).toBeLessThan(100);

  await sandbox.plug();
  const roomAt = Date.now();
  clearInterval(refill);
  fs.rmSync(ballast);
  await until('the log says that it goes on', () => /"event":"diskBack"/.test(child.output));
  uplinks.pause();
  await uplinks.allAcked();
  const allAckedMs = Date.now() - roomAt;
  const arrivals = await uplinks.arrived(sandbox);
  const { ledger } = await settledLedger(child, 'a', uplinks.published);
  expect(uplinks.missing(arrivals)).toEqual([]);
  expect(arrivals.outOfOrder.slice(0, 20)).toEqual([]);
  expect(ledger.delivered).toBe(ledger.received);
  expect(await told('diskBack')).toBe(true);
  expect(sandbox.account(email)).toMatchObject({ logIns: 1 });
  figures(`${kind}, full disk`, {
    published: uplinks.published,
    ackedWhileFull: whileFull,
    allAckedMs,
    doubled: arrivals.doubled.length,
  });

  // Full again while HERE takes records: settlements find room or are repeated, and nothing is lost at a kill.
  fillUp(ballast);
  uplinks.start(200);
  const again = uplinks.published;
  await until('more is published', () => uplinks.published > again + 300);
  await child.kill();
  fs.rmSync(ballast);
  await child.start();
  uplinks.pause();
  await uplinks.allAcked();
  const last = await uplinks.arrived(sandbox);
  expect(uplinks.missing(last)).toEqual([]);
  await settledLedger(child, 'a', uplinks.published);
  expect(await child.stop()).toBe(0);
}

describe.skipIf(!mayMount())('the disk is full [needs the right to mount a tmpfs]', () => {
  test('beside the own broker publishers wait for it', () => run('embedded'), 60_000);
  test.skipIf(find('mosquitto').found === null)(
    'a Mosquitto keeps what comes meanwhile',
    () => run('mosquitto'),
    60_000,
  );
});
