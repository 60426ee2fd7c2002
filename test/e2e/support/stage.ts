// What the console's tests stand on: a real bridge with its own broker, a sandbox, uplinks of a simulated fleet, and Chromium.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import mqtt from 'mqtt';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { AdminClient } from '../../../src/cli/admin-client.ts';
import { systemClock } from '../../../src/ops/clock.ts';
import { type FleetPublisher, startFleetPublisher } from '../../../src/sandbox/fleet/publisher.ts';
import { type Sandbox, startSandbox } from '../../../src/sandbox/server.ts';
import { freePort } from '../../support/free-port.ts';
import { MainProcess } from '../../support/main-process.ts';
import { find } from '../../support/requirements.ts';

/** Debian's Chromium as root, without its calls to the outside. */
const BROWSER_ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export interface Look {
  readonly width?: number;
  readonly height?: number;
  readonly scheme?: 'light' | 'dark';
  /** Of the browser, for example `de-DE`. */
  readonly locale?: string;
}

/** A page, and what went wrong on it: messages of errors in the browser's console, and requests that failed. */
export interface Watched {
  readonly page: Page;
  readonly complaints: string[];
}

export class Stage {
  readonly url: string;
  readonly sandbox: Sandbox;
  readonly #folder: string;
  readonly #bridge: MainProcess;
  readonly #browser: Browser;
  readonly #contexts: BrowserContext[] = [];
  readonly #brokerPort: number;
  readonly #fleets: FleetPublisher[] = [];
  #admin: AdminClient;

  private constructor(
    parts: { url: string; folder: string; brokerPort: number; sandbox: Sandbox; bridge: MainProcess; browser: Browser },
    admin: AdminClient,
  ) {
    this.url = parts.url;
    this.sandbox = parts.sandbox;
    this.#folder = parts.folder;
    this.#brokerPort = parts.brokerPort;
    this.#bridge = parts.bridge;
    this.#browser = parts.browser;
    this.#admin = admin;
  }

  /** `settings` are merged into the bridge's configuration. */
  static async build(settings: Readonly<Record<string, unknown>> = {}): Promise<Stage> {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'here-bridge-e2e-'));
    const [httpPort, brokerPort] = [await freePort(), await freePort()];
    const sandbox = await startSandbox({ seed: 1, jobMs: 0 });
    const file = path.join(folder, 'config.json');
    const config = {
      dataDir: path.join(folder, 'data'),
      brokers: { main: { kind: 'embedded', port: brokerPort } },
      here: { defaultService: 'sandbox', services: { sandbox: { url: sandbox.url } } },
      http: { port: httpPort },
      log: { level: 'info', pretty: 'never' },
      ...settings,
    };
    fs.writeFileSync(file, JSON.stringify(config));
    const bridge = new MainProcess(file);
    const executablePath = find('chromium').found ?? '/usr/bin/chromium';
    const browser = await chromium.launch({ executablePath, args: BROWSER_ARGUMENTS });
    const parts = { url: `http://127.0.0.1:${httpPort}`, folder, brokerPort, sandbox, bridge, browser };
    return new Stage(parts, await launch(bridge, folder));
  }

  /** A page in a context of its own. */
  async page(look: Look = {}): Promise<Watched> {
    const context = await this.#browser.newContext({
      viewport: { width: look.width ?? 1280, height: look.height ?? 860 },
      colorScheme: look.scheme ?? 'light',
      locale: look.locale ?? 'en-GB',
      timezoneId: 'Europe/Berlin',
    });
    this.#contexts.push(context);
    const page = await context.newPage();
    page.setDefaultTimeout(15_000);
    const complaints: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    return { page, complaints };
  }

  /** `route` below /ui, for example `/connections`. */
  async open(route: string, look: Look = {}): Promise<Watched> {
    const watched = await this.page(look);
    await watched.page.goto(`${this.url}/ui${route}`);
    return watched;
  }

  /** A connection to the sandbox's first project; resolves when it is open. */
  async connect(id: string, name: string, configuration: Readonly<Record<string, unknown>> = {}): Promise<void> {
    const { email, password, appIds } = this.sandbox;
    const definition = {
      connectorId: 'actility-here-iot',
      name,
      configuration: { email, password, appId: appIds[0], ...configuration },
    };
    const { status, body } = await this.#admin.request('PUT', `/connections/${id}`, definition);
    if (status >= 300) throw new Error(`not taken: ${status} ${JSON.stringify(body)}`);
    await this.until(`${id} is open`, async () => {
      const shown = (await this.#admin.request('GET', `/connections/${id}`)).body as { state: string };
      return shown.state === 'OPENED';
    });
  }

  /** A simulated fleet that goes on until the end. */
  startFleet(options: { readonly devices: number; readonly ratePerSecond: number }): void {
    const brokerUrl = `mqtt://127.0.0.1:${this.#brokerPort}`;
    this.#fleets.push(startFleetPublisher({ brokerUrl, seed: 1, clock: systemClock, ...options }));
  }

  /** One message, acknowledged by the broker. */
  async publish(topic: string, payload: string): Promise<void> {
    const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${this.#brokerPort}`);
    await client.publishAsync(topic, payload, { qos: 1 });
    await client.endAsync();
  }

  async request(method: 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE', route: string, body?: unknown): Promise<unknown> {
    return (await this.#admin.request(method, route, body)).body;
  }

  async killBridge(): Promise<void> {
    await this.#bridge.kill();
  }

  async startBridge(): Promise<void> {
    this.#admin = await launch(this.#bridge, this.#folder);
  }

  async until(what: string, look: () => Promise<boolean>, timeoutMs = 20_000): Promise<void> {
    for (const end = performance.now() + timeoutMs; !(await look()); ) {
      if (performance.now() > end) throw new Error(`did not happen within ${timeoutMs} ms: ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async tearDown(): Promise<void> {
    for (const fleet of this.#fleets) await fleet.stop();
    await this.#browser.close();
    await this.#bridge.kill();
    await this.sandbox.stop();
    fs.rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** What axe finds against WCAG 2.2 AA, a line each; `part`: within what this selector finds alone. */
export async function accessibilityFaults(page: Page, part?: string): Promise<string[]> {
  const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
  const axe = new AxeBuilder({ page }).withTags(tags);
  const { violations } = await (part === undefined ? axe : axe.include(part)).analyze();
  return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html.slice(0, 200)}`));
}

async function launch(bridge: MainProcess, folder: string): Promise<AdminClient> {
  const child = bridge.launch();
  const dataDir = path.join(folder, 'data');
  for (const end = performance.now() + 60_000; ; ) {
    if (child.exitCode !== null) throw new Error(`the bridge ended with ${child.exitCode}: ${bridge.output}`);
    try {
      const { pid } = JSON.parse(fs.readFileSync(path.join(dataDir, 'admin.json'), 'utf8')) as { pid: number };
      if (pid === child.pid) {
        const admin = await AdminClient.find(dataDir);
        const { body } = await admin.request('GET', '/status');
        if ((body as { ready: boolean }).ready) return admin;
      }
    } catch {
      // Not there yet.
    }
    if (performance.now() > end) throw new Error(`the bridge is not ready: ${bridge.output.slice(-2000)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
