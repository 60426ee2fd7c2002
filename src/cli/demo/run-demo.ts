// The demo: broker, bridge, simulated fleets and simulated HERE Tracking in one process, on free ports and a temporary folder.
import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { type Bridge, startBridge } from '../../bridge.ts';
import { loadConfig } from '../../config/load.ts';
import type { Matcher } from '../../domain/connection.ts';
import { EXIT, type ExitCode } from '../../domain/errors.ts';
import type { Clock } from '../../domain/ports/clock.ts';
import { systemChance, systemClock } from '../../ops/clock.ts';
import { createLogger } from '../../ops/logger.ts';
import { aborted } from '../../ops/signals.ts';
import { Application } from '../../sandbox/application.ts';
import { devEuiOf, euiPrefixOf } from '../../sandbox/fleet/fleet.ts';
import { type FleetNetwork, TOPICS_OF_NETWORKS } from '../../sandbox/fleet/other-networks.ts';
import { type FleetPublisher, startFleetPublisher } from '../../sandbox/fleet/publisher.ts';
import { type Sandbox, startSandbox } from '../../sandbox/server.ts';
import type { DemoOptions } from '../demo.ts';
import type { CliIo } from '../io.ts';
import { createLiveView, SHOW_CURSOR, wantsColour } from './live.ts';
import { DemoConnections, type DemoSnapshot, RateMeter } from './snapshot.ts';
import { soon } from './soon.ts';
import { inWords, summarize } from './summary.ts';
import { addTroubles, TENANTS, TROUBLED } from './troubles.ts';

const SUBSCRIBED_MS = 10_000;
const DRAIN_MS = 20_000;
const EVENTS_SHOWN = 20;
const COMMAND_EVERY_MS = 700;
const COMMANDS_END_MS = 8_000;

export async function runDemo(options: DemoOptions, io: CliIo): Promise<ExitCode> {
  const stopped = io.stopSignal();
  const dataDir = await mkdtemp(path.join(os.tmpdir(), 'here-bridge-demo-'));
  // A second Ctrl-C ends the process at once: the terminal gets its cursor back, and nothing stays behind, then as well.
  const leave = (): void => {
    if (io.stdout.isTTY) io.stdout.write(SHOW_CURSOR);
    rmSync(dataDir, { recursive: true, force: true });
  };
  process.once('exit', leave);
  const sandbox = await startSandbox({ port: 0, seed: options.seed });
  let bridge: Bridge | null = null;
  try {
    bridge = await startWorker(dataDir, sandbox, options, io);
    return await show(bridge, sandbox, dataDir, stopped, options, io);
  } finally {
    await bridge?.stop();
    await sandbox.stop();
    process.off('exit', leave);
    await rm(dataDir, { recursive: true, force: true });
  }
}

async function startWorker(dataDir: string, sandbox: Sandbox, options: DemoOptions, io: CliIo): Promise<Bridge> {
  const { config } = loadConfig({
    files: ['demo'],
    flags: [
      { key: 'dataDir', text: dataDir, flag: 'demo' },
      { key: 'here.services.sandbox.url', text: sandbox.url, flag: 'demo' },
    ],
    env: io.env,
    cwd: io.cwd,
  });
  // The live view shows the events; without it the log does, beside the last line that programs read.
  const level = io.stdout.isTTY === true && !options.json ? 'silent' : config.log.level;
  const logger = await createLogger({ level, pretty: config.log.pretty, output: io.stderr, colour: false });
  const bridge = await startBridge(config, { logger, clock: systemClock, chance: systemChance });
  for (const [index, tenant] of TENANTS.entries()) {
    const outcome = await bridge.control.apply(tenant, {
      connectorId: 'actility-here-iot',
      name: index === TROUBLED ? `Fleet ${tenant}, where HERE fails now and then` : `Fleet ${tenant}`,
      configuration: {
        email: sandbox.email,
        password: sandbox.password,
        appId: sandbox.appIds[index],
        source: {
          topics: Object.values(TOPICS_OF_NETWORKS).flat(),
          matchers: matchersOf(tenant, otherFleetOf(index, options)),
        },
      },
    });
    if (outcome.kind !== 'ok') throw new Error(`The demo's definition was not taken: ${JSON.stringify(outcome)}`);
  }
  addTroubles(sandbox);
  // What is published before a connection's first subscription is not seen: the fleet waits for it.
  const isSubscribed = (): boolean => bridge.control.connections().every(({ status }) => status.source?.up === true);
  await soon(isSubscribed, systemClock, SUBSCRIBED_MS);
  return bridge;
}

/** A fifth of the trackers is on other networks. */
const OTHER_NETWORKS: readonly FleetNetwork[] = ['chirpstack', 'thingsStack'];
const OTHERS_SHARE = 0.2;

function otherFleetOf(index: number, options: DemoOptions) {
  const devices = Math.max(2, Math.round((options.devices * OTHERS_SHARE) / TENANTS.length));
  return { seed: options.seed + TENANTS.length + index, devices, networks: OTHER_NETWORKS };
}

/** By tag; The Things Stack's messages have none, so its devices are named one by one. */
function matchersOf(tenant: string, fleet: ReturnType<typeof otherFleetOf>): Matcher[] {
  const prefix = euiPrefixOf(fleet);
  const matchers: Matcher[] = [{ type: 'thing', tags: [tenant] }];
  for (let i = 0; i < fleet.devices && matchers.length < MOST_MATCHERS; i++) {
    if (OTHER_NETWORKS[i % OTHER_NETWORKS.length] === 'thingsStack') {
      matchers.push({ type: 'key', key: `lora:${devEuiOf(prefix, i)}` });
    }
  }
  return matchers;
}
/** A definition holds no more; of a larger fleet the rest is filtered, and counted. */
const MOST_MATCHERS = 1000;

/** Of each tenant the fleet on ThingPark, then of each the one on other networks. */
function startFleets(bridge: Bridge, options: DemoOptions): FleetPublisher[] {
  const brokerUrl = bridge.control.worker().brokers[0]?.url as string;
  const rate = options.rate / TENANTS.length;
  const onThingPark = TENANTS.map((tenant, index) =>
    startFleetPublisher({
      brokerUrl,
      seed: options.seed + index,
      devices: Math.max(1, Math.round((options.devices * (1 - OTHERS_SHARE)) / TENANTS.length)),
      ratePerSecond: rate * (1 - OTHERS_SHARE),
      tags: [tenant],
      answersDownlinks: true,
      clock: systemClock,
    }),
  );
  const onOthers = TENANTS.map((tenant, index) =>
    startFleetPublisher({
      brokerUrl,
      ...otherFleetOf(index, options),
      ratePerSecond: rate * OTHERS_SHARE,
      tags: [tenant],
      answersDownlinks: true,
      clock: systemClock,
    }),
  );
  return [...onThingPark, ...onOthers];
}

async function show(
  bridge: Bridge,
  sandbox: Sandbox,
  dataDir: string,
  stopped: AbortSignal,
  options: DemoOptions,
  io: CliIo,
): Promise<ExitCode> {
  const clock: Clock = systemClock;
  const startedAt = clock.monotonic();
  const fleets = startFleets(bridge, options);
  const application = applicationOf(sandbox, fleets);
  application.start();
  const views = new DemoConnections();
  const meter = new RateMeter();
  let phase: DemoSnapshot['phase'] = 'running';
  const counts = () => ({
    published: fleets.reduce((sum, fleet) => sum + fleet.counts.published, 0),
    acknowledged: fleets.reduce((sum, fleet) => sum + fleet.counts.acknowledged, 0),
  });
  const snapshot = (): DemoSnapshot => {
    const now = clock.monotonic();
    const fleet = counts();
    return {
      elapsedMs: now - startedAt,
      forMs: options.for ?? null,
      phase,
      fleet: { ...fleet, perSecond: meter.sample(now, fleet.published) },
      connections: views.take(bridge.control.connections(), now),
      events: [...bridge.control.events({ limit: EVENTS_SHOWN })].reverse(),
      hints: phase === 'ended' ? [] : hintsFor(dataDir, sandbox, bridge),
    };
  };
  const colour = wantsColour(io.stdout, io.env);
  const view = options.json ? null : createLiveView({ screen: io.stdout, clock, colour, snapshot });
  view?.start();

  const over = Promise.withResolvers<void>();
  if (options.for !== undefined) {
    clock.after(options.for, over.resolve);
    // The last commands have time to come back.
    clock.after(Math.max(1_000, options.for - COMMANDS_END_MS), () => application.stop());
  }
  await Promise.race([over.promise, aborted(stopped), ...fleets.map((fleet) => fleet.done)]);
  phase = 'draining';
  application.stop();
  await Promise.all(fleets.map((fleet) => fleet.stop()));
  // The reader of the last line wants everything settled; whoever pressed Ctrl-C wants the end.
  await drained(bridge, clock, stopped.aborted ? 3_000 : DRAIN_MS);
  phase = 'ended';
  view?.stop();

  const ledgers = Object.fromEntries(bridge.control.connections().map(({ id, ledger }) => [id, ledger]));
  const known = Object.fromEntries(Object.entries(ledgers).flatMap(([id, ledger]) => (ledger ? [[id, ledger]] : [])));
  const elapsedMs = clock.monotonic() - startedAt;
  const commands = TENANTS.flatMap((tenant) => bridge.control.commands.ledger(tenant)?.ledger ?? []);
  const summary = summarize({ ledgers: known, latency: bridge.latency, elapsedMs, fleet: counts(), commands });
  io.stdout.write(options.json ? `${JSON.stringify(summary)}\n` : `\n${inWords(summary)}\n`);
  const isBalanced = summary.balanced && summary.commands?.balanced !== false;
  return isBalanced && summary.pending === 0 ? EXIT.ok : EXIT.failed;
}

/** Desires something of one device of each fleet in turn. */
function applicationOf(sandbox: Sandbox, fleets: readonly FleetPublisher[]): Application {
  return new Application({
    sandbox,
    clock: systemClock,
    everyMs: COMMAND_EVERY_MS,
    next: (turn) => {
      const { fleet } = fleets[turn % fleets.length] as FleetPublisher;
      const appId = sandbox.appIds[turn % TENANTS.length] as string;
      return { appId, device: fleet.devEui((turn * 7) % fleet.size) };
    },
  });
}

/** Resolves when nothing is pending any more, or after `atMostMs`. */
function drained(bridge: Bridge, clock: Clock, atMostMs: number): Promise<void> {
  let quietChecks = 0;
  const isDrained = (): boolean => {
    const views = bridge.control.connections();
    const isQuiet = views.every((each) => each.ledger?.pending === 0 && each.activity?.waiting === 0);
    quietChecks = isQuiet ? quietChecks + 1 : 0;
    return quietChecks >= 3;
  };
  return soon(isDrained, clock, atMostMs);
}

function hintsFor(dataDir: string, sandbox: Sandbox, bridge: Bridge): string[] {
  const at = `--data-dir ${dataDir}`;
  const broker = bridge.control.worker().brokers[0]?.url ?? '';
  return [
    `npx --no-install here-bridge connections ls ${at}`,
    `npx --no-install here-bridge connections tail north ${at}`,
    `npx --no-install here-bridge fleet --broker-url ${broker} --tag north --rate 500 --for 10s`,
    `curl -X POST ${sandbox.url}/sandbox/faults -d '{"name":"503"}'    # HERE is away: uplinks wait`,
    `curl -X DELETE ${sandbox.url}/sandbox/faults    # and back, with no faults any more`,
  ];
}
