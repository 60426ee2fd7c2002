// kill -9 between seeing a command, publishing it, the broker's acknowledgement and the commit: it is published at least once,
// under one CorrelationID, and what was handled is not published again.
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  BridgeChild,
  definition,
  figures,
  type TestBroker,
  temporaryFolder,
  until,
  untilState,
  useBroker,
} from '../support/bridge.ts';
import { Application, type Downlink, Network } from '../support/commands.ts';
import { type GateRules, MqttGate } from '../support/mqtt-gate.ts';
import { describeWith } from '../support/requirements.ts';
import { useSandbox } from '../support/sandbox.ts';

const ROUNDS = Number(process.env.COMMAND_KILLS ?? 1);
const DEVICES = Array.from({ length: 4 }, (_, at) => `70B3D5000000000${at}`);
const POLL_MS = 500;

/** When the bridge is killed, and how often what was under way may then be published. */
const POINTS = {
  /** Seen and stored; the publish has left the bridge and never reaches the broker. */
  seen: { copies: 1 },
  /** The broker has it, and its word does not arrive. */
  unacknowledged: { copies: 2 },
  /** As the broker's word arrives: before or after the commit. */
  acknowledged: { copies: 2 },
  /** Stored as published. */
  committed: { copies: 1 },
  /** Anywhere, from the poll on. */
  anywhere: { copies: 2 },
} as const;
type Point = keyof typeof POINTS;

interface Desired {
  readonly device: string;
  readonly payload: string;
  readonly point: Point;
}

async function ready(kind: 'embedded' | 'mosquitto') {
  const broker = await useBroker(kind);
  const gate = kind === 'mosquitto' ? await MqttGate.before(broker.url) : null;
  if (gate !== null) onTestFinished(() => gate.stop());
  const behind: TestBroker =
    gate === null ? broker : { ...broker, url: gate.url, setting: { kind: 'mqtt', url: gate.url } };
  const sandbox = await useSandbox();
  const child = new BridgeChild({
    dataDir: temporaryFolder(),
    broker: behind,
    services: { test: { url: sandbox.url } },
    settings: { downlinks: { pollMinMs: POLL_MS, pollMaxMs: POLL_MS } },
  });
  await child.start();
  const { email, password, appIds } = sandbox;
  await child.apply('a', definition({ email, password, appId: appIds[0], downlinkPort: 2 }));
  await untilState(child, 'a', 'OPENED');
  const network = await Network.on(broker.url, { clientId: 'network' });
  const speak = async (): Promise<void> => {
    for (const device of DEVICES) await network.uplink(device);
  };
  await speak();
  await until('HERE knows the devices', () =>
    DEVICES.every((device) => sandbox.device(appIds[0] as string, device)?.accepted),
  );
  return { child, gate, network, speak, application: await Application.logIn(sandbox) };
}

/** Arms the gate; resolves when the point is reached. */
function reach(point: Point, { gate, network }: Awaited<ReturnType<typeof ready>>): Promise<unknown> {
  const heard = network.downlinks.length;
  const reached = Promise.withResolvers<void>();
  const rules: GateRules = {
    topic: /\/downlink$/,
    onPublish: () => {
      if (point !== 'seen') return true;
      reached.resolve();
      return false;
    },
    onAck: () => {
      if (point === 'acknowledged') reached.resolve();
      if (point !== 'unacknowledged') return true;
      reached.resolve();
      return false;
    },
  };
  switch (point) {
    case 'anywhere':
      return new Promise((resolve) => setTimeout(resolve, Math.random() * 2 * POLL_MS));
    case 'committed':
      // Looked at when all is desired.
      return Promise.resolve();
    default:
      if (gate === null) return until('a downlink is heard', () => network.downlinks.length > heard);
      gate.rules = rules;
      return reached.promise;
  }
}

async function run(kind: 'embedded' | 'mosquitto', points: readonly Point[]): Promise<void> {
  const it = await ready(kind);
  const { child, gate, network, speak, application } = it;
  const desired: Desired[] = [];
  let next = 0;
  const desire = async (device: string, point: Point): Promise<void> => {
    const payload = (++next).toString(16).padStart(4, '0');
    await application.desire(device, { payload: { payload_hex: payload } });
    desired.push({ device, payload, point });
  };
  const newest = () => DEVICES.map((device) => desired.findLast((each) => each.device === device)?.payload);
  const isThere = (payload: string | undefined) => network.downlinks.some(({ body }) => body.payload_hex === payload);
  const committed = () => until('all are committed', async () => (await child.commandLedger('a')).waiting === 0);
  for (let round = 0; round < ROUNDS * points.length; round++) {
    const point = points[round % points.length] as Point;
    const reached = reach(point, it);
    // Two within one interval: the older one may be superseded.
    await desire(DEVICES[0] as string, point);
    for (const device of DEVICES) await desire(device, point);
    await reached;
    if (point === 'committed') {
      await until('all are heard', () => newest().every(isThere));
      await committed();
    }
    await child.kill();
    if (gate !== null) gate.rules = null;
    await child.start();
    await speak();
    await until(`the newest of round ${round} (${point})`, () => newest().every(isThere));
    // What is published once more must not meet the next kill.
    await committed();
  }
  await committed();
  const before = network.downlinks.length;
  for (let rest = 0; rest < 2; rest++) {
    await child.kill();
    await child.start();
    await untilState(child, 'a', 'OPENED');
    await speak();
    // A new command goes all the way: whatever was to be repeated would have come before it.
    await desire(DEVICES[rest] as string, 'committed');
    await until('the one after the rest', () => isThere(desired.at(-1)?.payload));
    await committed();
  }
  expect(network.downlinks.length - before).toBe(2);

  const copies = Map.groupBy(network.downlinks, ({ body }) => String(body.payload_hex));
  const ids = (downlinks: readonly Downlink[]) => new Set(downlinks.map(({ body }) => body.CorrelationID));
  for (const [payload, downlinks] of copies) expect({ payload, ids: ids(downlinks).size }).toEqual({ payload, ids: 1 });
  expect(ids(network.downlinks).size).toBe(copies.size);
  const tooOften = desired.filter(({ payload, point }) => (copies.get(payload)?.length ?? 0) > POINTS[point].copies);
  expect(tooOften).toEqual([]);
  const ledger = await child.commandLedger('a');
  const { seen, published, superseded } = ledger;
  expect(ledger).toMatchObject({
    imbalance: 0,
    waiting: 0,
    refused: 0,
    expired: 0,
  });
  expect(seen).toBe(published + superseded);
  expect(published).toBe(copies.size);
  figures(`${kind}: commands and kills`, {
    ...{ desired: desired.length, seen, published, superseded },
    ...{ downlinks: network.downlinks.length, twice: [...copies.values()].filter(({ length }) => length > 1).length },
  });
}

describe('the bridge is killed while it has commands', () => {
  test('its own broker', () => run('embedded', ['acknowledged', 'committed', 'anywhere']), 300_000);
});

describeWith('mosquitto', 'the bridge is killed while it has commands, beside a Mosquitto', () => {
  test(
    'at each point between seeing a command and its commit',
    () => run('mosquitto', Object.keys(POINTS) as Point[]),
    300_000,
  );
});
