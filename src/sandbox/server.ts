// Starts a simulated HERE Tracking server in this process.
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { seededChance, systemClock } from './chance.ts';
import { Control } from './control.ts';
import { createHttp } from './http.ts';
import { type AccountOptions, type SandboxOptions, type Settings, withDefaults } from './options.ts';
import { adminRoutes } from './routes/admin.ts';
import { World } from './world.ts';

/** A running sandbox, with what tests may see and change (see `Control`). */
export interface Sandbox extends Control {
  readonly url: string;
  readonly port: number;
  /** Of the first account. */
  readonly email: string;
  readonly password: string;
  /** In the order of the first account's licences. With the default account the last one is a platform project. */
  readonly appIds: readonly string[];
  /** All accounts as configured, the documentation's example last. */
  readonly logins: readonly AccountOptions[];
  /** Cuts every connection and refuses new ones; what is known stays. Resolves when the port is closed. */
  unplug(): Promise<void>;
  /** Listens again on the same port. */
  plug(): Promise<void>;
  stop(): Promise<void>;
}

class RunningSandbox extends Control implements Sandbox {
  readonly port: number;
  readonly url: string;
  readonly logins: readonly AccountOptions[];
  readonly #server: Server;
  readonly #host: string;
  readonly #closeRecords: () => void;

  constructor(world: World, server: Server, settings: Settings, port: number) {
    super(world);
    this.#server = server;
    this.#host = settings.host;
    let closed = false;
    this.#closeRecords = () => {
      if (!closed) world.recordFile?.close();
      closed = true;
    };
    this.port = port;
    const reachable = settings.host === '0.0.0.0' || settings.host === '::' ? '127.0.0.1' : settings.host;
    this.url = `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
    this.logins = settings.accounts;
  }

  get email(): string {
    return this.logins[0]!.email;
  }

  get password(): string {
    return this.logins[0]!.password;
  }

  get appIds(): readonly string[] {
    return this.logins[0]!.projects.map((project) => project.appId);
  }

  async unplug(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async plug(): Promise<void> {
    if (!this.#server.listening) await listen(this.#server, this.#host, this.port);
  }

  async stop(): Promise<void> {
    await this.unplug();
    this.#closeRecords();
  }
}

export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const settings = withDefaults(options);
  const seed = options.seed ?? randomInt(0x1_0000_0000);
  const world = new World(settings, options.clock ?? systemClock, options.chance ?? seededChance(seed), seed);
  const holder: { sandbox: Sandbox | null } = { sandbox: null };
  const admin = adminRoutes(new Control(world), () => {
    const { url, email, password, appIds } = holder.sandbox!;
    return { url, email, password, appIds };
  });
  const server = createHttp(world, admin);
  await listen(server, settings.host, settings.port);
  const sandbox = new RunningSandbox(world, server, settings, (server.address() as AddressInfo).port);
  holder.sandbox = sandbox;
  return sandbox;
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  server.listen(port, host);
  await once(server, 'listening');
}
