// The demo that a running bridge serves: started and removed by the API, and going on after a restart until it is removed.
//
// The simulated HERE has a port of its own, found before the bridge starts, so that the service `demo` has an address from the
// start; while the demo is off the port is held by a listener that hangs up. Its topics are its own: no other connection of the
// worker hears a simulated device.
import { once } from 'node:events';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import type { Bridge } from '../../bridge.ts';
import type { BrokerConfig, Config } from '../../config/config.ts';
import type { Clock } from '../../domain/ports/clock.ts';
import { DEMO_SERVICE, type DemoControl, type DemoOutcome, type DemoView } from '../../domain/ports/demo.ts';
import type { Application } from '../../sandbox/application.ts';
import type { FleetPublisher, FleetPublisherOptions } from '../../sandbox/fleet/publisher.ts';
import type { Sandbox } from '../../sandbox/server.ts';
import { soon } from './soon.ts';
import { addTroubles, TENANTS } from './troubles.ts';

const DEVICES = 40;
const RATE_PER_SECOND = 8;
const COMMAND_EVERY_MS = 6_000;
const SUBSCRIBED_MS = 10_000;
/** Of the simulated HERE's memory. */
const KEEP_BYTES = 16_000_000;
const SEED = 1;
const NOTE = 'demo.json';
const HOST = '127.0.0.1';

interface Running {
  readonly fleets: readonly FleetPublisher[];
  readonly application: Application;
}

export class ServedDemo implements DemoControl {
  readonly #config: Config;
  readonly #clock: Clock;
  readonly #note: string;
  readonly #port: number;
  #holder: net.Server | null;
  #sandbox: Sandbox | null = null;
  #bridge: Bridge | null = null;
  #running: Running | null = null;
  #isChanging = false;
  #last: Promise<unknown> = Promise.resolve();

  /** Where the demo was on it is on again: the simulated HERE answers before the bridge asks it. */
  static async prepare(config: Config, clock: Clock): Promise<ServedDemo> {
    const holder = await hold(0);
    const demo = new ServedDemo(config, clock, holder);
    if (existsSync(demo.#note) && demo.#refusal() === null) await demo.#startHere();
    return demo;
  }

  private constructor(config: Config, clock: Clock, holder: net.Server) {
    this.#config = config;
    this.#clock = clock;
    this.#holder = holder;
    this.#port = (holder.address() as net.AddressInfo).port;
    this.#note = path.join(config.dataDir, NOTE);
  }

  /** The worker's configuration with the simulated HERE among its services. */
  get config(): Config {
    const { here } = this.#config;
    if (this.#refusal() !== null) return this.#config;
    const { scopedUrl: _, ...usual } = here.services[here.defaultService] as Config['here']['services'][string];
    const service = { ...usual, url: `http://${HOST}:${this.#port}`, scopedUrl: null };
    return { ...this.#config, here: { ...here, services: { ...here.services, [DEMO_SERVICE]: service } } };
  }

  /** Once the bridge runs. */
  async serve(bridge: Bridge): Promise<void> {
    this.#bridge = bridge;
    if (this.#sandbox !== null) await this.#inTurn(() => this.#run());
  }

  /** The fleet falls silent; the bridge can settle what is in flight. */
  async quiet(): Promise<void> {
    await this.#last;
    await this.#silence();
  }

  async stop(): Promise<void> {
    this.#holder?.close();
    await this.#sandbox?.stop();
  }

  view(): DemoView {
    const isOn = this.#running !== null;
    return {
      state: this.#isChanging ? 'changing' : isOn ? 'running' : 'off',
      connections: isOn ? TENANTS.map(idOf) : [],
      devices: DEVICES,
      ratePerSecond: RATE_PER_SECOND,
      unavailable: this.#refusal(),
    };
  }

  start(): Promise<DemoOutcome> {
    return this.#inTurn(async () => {
      const message = this.#refusal();
      if (message !== null) return { kind: 'unavailable', message };
      if (this.#running !== null) return { kind: 'ok', view: this.view() };
      await this.#startHere();
      mkdirSync(this.#config.dataDir, { recursive: true });
      writeFileSync(this.#note, '{}\n');
      const outcome = await this.#run();
      if (outcome.kind !== 'ok') await this.#removeAll();
      return outcome;
    });
  }

  remove(): Promise<DemoOutcome> {
    return this.#inTurn(async () => {
      await this.#removeAll();
      return { kind: 'ok', view: this.view() };
    });
  }

  /** One change after the other. */
  #inTurn(change: () => Promise<DemoOutcome>): Promise<DemoOutcome> {
    const next = this.#last.then(async () => {
      this.#isChanging = true;
      try {
        return await change();
      } catch (error) {
        await this.#removeAll();
        return { kind: 'unavailable' as const, message: `The demo failed: ${(error as Error).message}` };
      } finally {
        this.#isChanging = false;
      }
    });
    this.#last = next;
    return next.then((outcome) => (outcome.kind === 'ok' ? { ...outcome, view: this.view() } : outcome));
  }

  #refusal(): string | null {
    const { here, ownership, brokers, sources } = this.#config;
    if (DEMO_SERVICE in here.services) return `here.services has a service of its own called ${DEMO_SERVICE}`;
    if (ownership.broker !== null) return 'Several workers share the connections; the demo is for a worker alone';
    if (brokers[sources.broker]?.kind === 'kafka')
      return `The simulated fleet speaks MQTT, and ${sources.broker} is a Kafka cluster: try here-bridge demo`;
    return null;
  }

  async #startHere(): Promise<void> {
    if (this.#sandbox !== null) return;
    // Loaded when it is wanted: most bridges never have a demo.
    const { startSandbox } = await import('../../sandbox/server.ts');
    this.#holder?.close();
    this.#holder = null;
    const options = { host: HOST, port: this.#port, seed: SEED, keepBytes: KEEP_BYTES, clock: this.#clock };
    this.#sandbox = await startSandbox(options);
    addTroubles(this.#sandbox);
  }

  /** Connections, then the fleets: what is published before a first subscription is not seen. */
  async #run(): Promise<DemoOutcome> {
    const [bridge, sandbox] = [this.#bridge, this.#sandbox];
    if (bridge === null || sandbox === null) return { kind: 'unavailable', message: 'The bridge does not run yet' };
    const { control } = bridge;
    for (const [index, tenant] of TENANTS.entries()) {
      const outcome = await control.apply(idOf(tenant), definitionOf(sandbox, index));
      if (outcome.kind === 'invalid')
        return { kind: 'unavailable', message: outcome.errors.map(({ message }) => message).join('; ') };
      if (outcome.kind !== 'ok') return { kind: 'unavailable', message: outcome.message };
    }
    const isUp = (): boolean => TENANTS.every((tenant) => control.connection(idOf(tenant))?.status.source?.up === true);
    await soon(isUp, this.#clock, SUBSCRIBED_MS);
    const { startFleetPublisher } = await import('../../sandbox/fleet/publisher.ts');
    const { Application: SimulatedApplication } = await import('../../sandbox/application.ts');
    const fleets = TENANTS.map((tenant, index) =>
      startFleetPublisher({
        ...this.#brokerOptions(bridge),
        seed: SEED + index,
        devices: DEVICES / TENANTS.length,
        ratePerSecond: RATE_PER_SECOND / TENANTS.length,
        topicPattern: uplinksOf(tenant),
        answersDownlinks: true,
        clock: this.#clock,
      }),
    );
    const application = new SimulatedApplication({
      sandbox,
      clock: this.#clock,
      everyMs: COMMAND_EVERY_MS,
      next: (turn) => {
        const index = turn % fleets.length;
        const { fleet } = fleets[index] as FleetPublisher;
        return { appId: sandbox.appIds[index] as string, device: fleet.devEui((turn * 7) % fleet.size) };
      },
    });
    this.#running = { fleets, application };
    await Promise.all(fleets.map(({ ready }) => ready));
    application.start();
    return { kind: 'ok', view: this.view() };
  }

  #brokerOptions({ control }: Bridge): Pick<FleetPublisherOptions, 'brokerUrl' | 'username' | 'password' | 'ca'> {
    const { broker } = this.#config.sources;
    const config = this.#config.brokers[broker] as Exclude<BrokerConfig, { kind: 'kafka' }>;
    const brokerUrl = control.worker().brokers.find(({ name }) => name === broker)?.url ?? '';
    if (config.kind === 'mqtt') return { brokerUrl, ...credentials(config) };
    return { brokerUrl, ...credentials(config.users[0] ?? { username: null, password: null }) };
  }

  async #silence(): Promise<void> {
    const running = this.#running;
    this.#running = null;
    running?.application.stop();
    await Promise.allSettled(running?.fleets.map((fleet) => fleet.stop()) ?? []);
  }

  async #removeAll(): Promise<void> {
    await this.#silence();
    for (const tenant of TENANTS) await this.#bridge?.control.remove(idOf(tenant));
    rmSync(this.#note, { force: true });
    if (this.#sandbox === null) return;
    await this.#sandbox.stop();
    this.#sandbox = null;
    this.#holder = await hold(this.#port);
  }
}

function idOf(tenant: string): string {
  return `demo-${tenant}`;
}

function uplinksOf(tenant: string): string {
  return `demo/${tenant}/{DevEUI}/uplink`;
}

function definitionOf({ email, password, appIds }: Sandbox, index: number): object {
  const tenant = TENANTS[index] as string;
  return {
    connectorId: 'actility-here-iot',
    name: `Demo ${tenant}`,
    configuration: {
      email,
      password,
      appId: appIds[index],
      service: DEMO_SERVICE,
      description: 'A simulated fleet and a simulated HERE, both within this bridge',
      uplinkTopicPattern: uplinksOf(tenant),
      downlinkTopicPattern: `demo/${tenant}/{DevEUI}/downlink`,
    },
  };
}

function credentials({ username, password }: { readonly username: string | null; readonly password: string | null }) {
  return { ...(username === null ? {} : { username }), ...(password === null ? {} : { password }) };
}

/** Rejects with the system's error when the port is taken. */
async function hold(port: number): Promise<net.Server> {
  const server = net.createServer((socket) => socket.destroy());
  server.listen(port, HOST);
  await once(server, 'listening');
  server.unref();
  return server;
}
