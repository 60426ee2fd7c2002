// memory: HERE is away and a million uplinks wait. How soon a worker runs with such a journal, what memory it takes while it waits
// and while it catches up, and that it delivers all of them in order, by what HERE has written down: copies count once.
// The bridge is built, as an image has it.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Arrivals } from '../../src/chaos/arrivals.ts';
import type { JournalEntry } from '../../src/domain/ports/store.ts';
import { systemClock } from '../../src/ops/clock.ts';
import { createPaddedFleet } from '../../src/sandbox/fleet/padding.ts';
import { DEFAULT_ACCOUNT } from '../../src/sandbox/options.ts';
import { openSecretBox } from '../../src/store/secrets.ts';
import { openStore } from '../../src/store/store.ts';
import { buildBridge } from '../support/built-bridge.ts';
import { freePort } from '../support/free-port.ts';
import { type Child, residentBytes, start, until } from './process.ts';
import { MAIN, startWorker, type Worker } from './worker.ts';

export interface MemoryOptions {
  readonly uplinks: number;
  readonly devices: number;
  readonly payloadBytes: number;
  /** How long HERE stays away once the worker runs. */
  readonly outageMs: number;
}

export interface MemoryResult {
  /** From the process's start until it is ready and its connection shows all that waits. */
  readonly startMs: number;
  /** Resident, at most. */
  readonly outageMaxBytes: number;
  readonly drainMaxBytes: number;
  /** Uplinks a second while it catches up. */
  readonly drainRate: number;
  /** Uplinks of which HERE has no record, however many it has of others. */
  readonly missing: number;
  /** First arrivals that are older than one of the same device before them. */
  readonly outOfOrder: number;
}

const ID = 'bench';
const { email: EMAIL, password: PASSWORD, projects: PROJECTS } = DEFAULT_ACCOUNT;
const APP_ID = PROJECTS[0]?.appId ?? '';
/** With the built-in broker, so that nothing but the worker itself is measured. */
const SETTINGS = { 'brokers.main.kind': 'embedded', 'budgets.journalMaxBytes': 4 * 1024 ** 3 };
const JOURNAL_BYTES = SETTINGS['budgets.journalMaxBytes'];
const CHUNK = 500;
const SAMPLE_MS = 50;
/** The worker is what is measured: it is not asked often. */
const ASK_EACH_MS = 1_000;
const RUN_MS = 60_000;
const DRAIN_MS = 900_000;

export async function memory(options: MemoryOptions): Promise<MemoryResult> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'here-bridge-memory-'));
  const dataDir = path.join(folder, 'data');
  mkdirSync(dataDir);
  const ports = { here: await freePort(), mqtt: await freePort() };
  const children: Child[] = [];
  const peak = new Peak();
  try {
    const program = buildBridge(path.join(folder, 'image'));
    const startHere = (): Worker => {
      const settings = { ...SETTINGS, 'brokers.main.port': ports.mqtt };
      return startWorker(dataDir, ['--here-url', `http://127.0.0.1:${ports.here}`], settings, children, program);
    };
    const first = startHere();
    await first.ready();
    await define(first);
    await first.stop();
    await fill(dataDir, options);

    const startedAt = performance.now();
    const worker = startHere();
    await worker.ready();
    await until('the connection shows what waits', RUN_MS, async () => {
      return (await worker.connection(ID))?.ledger?.pending === options.uplinks;
    });
    const startMs = performance.now() - startedAt;
    peak.watch(worker.pid);
    await new Promise((resolve) => setTimeout(resolve, options.outageMs));
    const outageMaxBytes = peak.take();

    const recordFile = path.join(folder, 'records.jsonl');
    writeFileSync(recordFile, '');
    const sandbox = ['sandbox', '--port', String(ports.here), '--seed', '1', '--record-file', recordFile];
    children.push(start(process.execPath, [MAIN, ...sandbox]));
    const drainedFrom = performance.now();
    const arrivals = new Arrivals(recordFile);
    const { accepted } = arrivals.project(APP_ID);
    // Should some never come, an empty journal tells that it is time to count.
    let askedAt = 0;
    await until('all uplinks arrive', DRAIN_MS, async () => {
      if (arrivals.look()) return accepted.size >= options.uplinks;
      if (performance.now() < askedAt + ASK_EACH_MS) return false;
      askedAt = performance.now();
      return (await worker.connection(ID))?.ledger?.pending === 0;
    });
    const drainMs = performance.now() - drainedFrom;
    arrivals.look();
    return {
      startMs,
      outageMaxBytes,
      drainMaxBytes: peak.take(),
      drainRate: (accepted.size * 1000) / drainMs,
      missing: options.uplinks - accepted.size,
      outOfOrder: arrivals.project(APP_ID).outOfOrder,
    };
  } finally {
    peak.stop();
    for (const child of children.reverse()) await child.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The largest resident size of a process since it was last asked for. */
class Peak {
  #bytes = 0;
  #timer: NodeJS.Timeout | undefined;

  watch(pid: number): void {
    this.#timer = setInterval(() => {
      this.#bytes = Math.max(this.#bytes, residentBytes(pid));
    }, SAMPLE_MS);
  }

  take(): number {
    const bytes = this.#bytes;
    this.#bytes = 0;
    return bytes;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

async function define(worker: Worker): Promise<void> {
  const configuration = { email: EMAIL, password: PASSWORD, appId: APP_ID };
  await worker.call('PUT', `/connections/${ID}`, { connectorId: 'actility-here-iot', name: ID, configuration });
}

/** Writes the uplinks into the journal as the worker would have. */
async function fill(dataDir: string, { uplinks, devices, payloadBytes }: MemoryOptions): Promise<void> {
  const fleet = createPaddedFleet({ seed: 1, devices, payloadBytes });
  const now = Date.now();
  const next = (n: number): JournalEntry => {
    const { topic, payload, devEui } = fleet.next(now - 3_600_000 + Math.floor((n * 3_000_000) / uplinks));
    return { topic, payload: Buffer.from(payload), arrivedAt: now, device: devEui, retain: false };
  };
  const store = await openStore({
    dataDir,
    clock: systemClock,
    box: openSecretBox({ dataDir, key: null }),
    report: ({ message }) => {
      throw new Error(message);
    },
  });
  const connection = await store.openConnection(ID, { maxBytes: JOURNAL_BYTES });
  for (let n = 0; n < uplinks; n += CHUNK) {
    const count = Math.min(CHUNK, uplinks - n);
    const chunk = Array.from({ length: count }, (_, i) => next(n + i));
    await new Promise<void>((resolve, reject) =>
      connection.append(chunk, (error) => (error === null ? resolve() : reject(error))),
    );
  }
  await store.close();
}
