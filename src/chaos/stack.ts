// The stack of one round: HERE, broker and bridge as processes, the links between them, three connections on two accounts.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { DEFAULT_ACCOUNT, DOCUMENTATION_ACCOUNT } from '../sandbox/options.ts';
import { BridgeProcess } from './bridge-process.ts';
import { HandedOver } from './handed-over.ts';
import { HereLink } from './here-link.ts';
import { HereProcess } from './here-process.ts';
import { Link } from './link.ts';
import { Mosquitto } from './mosquitto.ts';
import { type SessionNews, sessionTap, type WireListener } from './mqtt-sessions.ts';
import { topicOf } from './publishers.ts';
import type { RoundPlan } from './schedule.ts';
import { freePort, until } from './wait.ts';

export interface ConnectionSpec {
  readonly id: string;
  readonly email: string;
  readonly password: string;
  readonly appId: string;
}

/** Two on the sandbox's usual account, one on the documentation's. */
export const CONNECTIONS: readonly ConnectionSpec[] = [
  connection('north', DEFAULT_ACCOUNT, 0),
  connection('south', DEFAULT_ACCOUNT, 1),
  connection('west', DOCUMENTATION_ACCOUNT, 0),
];

export const KEEPALIVE_S = 3;
/** Past this a request of the bridge is given up. */
const HERE_TIMEOUT_MS = 2_000;
/** The set-up only: a busy machine may take its time, and that is no finding. */
const OPEN_MS = 120_000;

export interface StackOptions {
  readonly dir: string;
  /** On the small disk, where there is one. */
  readonly dataDir: string;
  readonly plan: Omit<RoundPlan, 'faults'>;
  /** Where Mosquitto is; for that kind of broker. */
  readonly mosquitto: string | null;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export class Stack {
  readonly here: HereProcess;
  readonly hereLink: HereLink;
  readonly mosquitto: Mosquitto | null;
  /** Bridge to Mosquitto, or publishers to the embedded broker. */
  readonly brokerLink: Link;
  readonly bridge: BridgeProcess;
  /** Where publishers publish. */
  readonly publishPort: number;
  readonly sessions: SessionNews[];
  readonly #handedOver: HandedOver;
  #restarts = 0;

  private constructor(parts: {
    here: HereProcess;
    hereLink: HereLink;
    mosquitto: Mosquitto | null;
    brokerLink: Link;
    bridge: BridgeProcess;
    publishPort: number;
    sessions: SessionNews[];
    handedOver: HandedOver;
  }) {
    this.here = parts.here;
    this.hereLink = parts.hereLink;
    this.mosquitto = parts.mosquitto;
    this.brokerLink = parts.brokerLink;
    this.bridge = parts.bridge;
    this.publishPort = parts.publishPort;
    this.sessions = parts.sessions;
    this.#handedOver = parts.handedOver;
  }

  /** Resolves with all connections open and subscribed. Rejects when something does not come up without any fault. */
  static async start(options: StackOptions): Promise<Stack> {
    const { dir, dataDir, plan, env } = options;
    mkdirSync(dataDir, { recursive: true });
    const here = await HereProcess.start({ dir, seed: plan.seed, requestsPerSecond: plan.hereRequestsPerSecond, env });
    const hereLink = new HereLink(here.port);
    await hereLink.start();
    const caFile = path.join(dir, 'here.pem');
    writeFileSync(caFile, hereLink.certificate.certificate);
    const sessions: SessionNews[] = [];
    const handedOver = new HandedOver();
    const listener: WireListener = {
      onSession: (news) => sessions.push(news),
      onPublish: (clientId, topic) => handedOver.count(clientId, topic),
    };
    const tap = () => sessionTap(listener, Date.now);
    let mosquitto: Mosquitto | null = null;
    if (plan.broker === 'mosquitto') mosquitto = await Mosquitto.start(options.mosquitto!, dir, env);
    const brokerPort = mosquitto?.port ?? (await freePort());
    const brokerLink = new Link({ targetPort: brokerPort, ...(mosquitto === null ? {} : { tap }) });
    await brokerLink.start();
    const bridge = new BridgeProcess({
      dir,
      dataDir,
      args: bridgeArguments(
        options,
        hereLink.url,
        mosquitto === null ? { embedded: brokerPort } : { link: brokerLink.port },
      ),
      env: { ...env, NODE_EXTRA_CA_CERTS: caFile },
    });
    const publishPort = mosquitto === null ? brokerLink.port : brokerPort;
    const stack = new Stack({ here, hereLink, mosquitto, brokerLink, bridge, publishPort, sessions, handedOver });
    try {
      bridge.start();
      if (!(await bridge.whenReady(OPEN_MS))) throw new Error(`The bridge did not start: see ${dir}/bridge.log`);
      for (const spec of CONNECTIONS) await bridge.call('PUT', `/connections/${spec.id}`, definitionOf(spec, null));
      if (!(await until(OPEN_MS, () => stack.allOpen()))) {
        throw new Error(`The connections did not open: see ${dir}/bridge.log`);
      }
      return stack;
    } catch (error) {
      await stack.stop();
      throw error;
    }
  }

  async allOpen(): Promise<boolean> {
    const views = await this.bridge.connections();
    return (
      views.filter(({ state, status }) => state === 'OPENED' && status.source?.up === true).length ===
      CONNECTIONS.length
    );
  }

  /**
   * Uplinks that the bridge was given of a connection, each copy counted. null with the embedded broker: it is in the bridge's process,
   * and what it hands over once more passes no wire.
   */
  mostReceived(connectionId: string): number | null {
    return this.mosquitto === null ? null : this.#handedOver.to(connectionId);
  }

  /** What a person does about a connection that HERE has refused: restarts it. Returns how many. */
  async restartHeld(): Promise<number> {
    let count = 0;
    for (const view of await this.bridge.connections()) {
      if (view.state !== 'CLOSED' && view.state !== 'AUTHENTICATION_FAILED') continue;
      const spec = CONNECTIONS.find(({ id }) => id === view.id)!;
      await this.bridge.call('PUT', `/connections/${view.id}`, definitionOf(spec, `person-${++this.#restarts}`));
      count += 1;
    }
    return count;
  }

  async stop(): Promise<void> {
    await this.bridge.kill();
    await this.mosquitto?.kill();
    await this.here.kill();
    await this.hereLink.stop();
    await this.brokerLink.stop();
  }
}

function connection(id: string, account: typeof DEFAULT_ACCOUNT, project: number): ConnectionSpec {
  const { email, password, projects } = account;
  return { id, email, password, appId: projects[project]!.appId };
}

function definitionOf(spec: ConnectionSpec, restart: string | null): object {
  const { id, email, password, appId } = spec;
  return {
    connectorId: 'actility-here-iot',
    name: `Chaos ${id}`,
    configuration: { email, password, appId, source: { topics: [topicOf(id, '+')] } },
    ...(restart === null ? {} : { restart }),
  };
}

function bridgeArguments(
  { plan }: StackOptions,
  hereUrl: string,
  broker: { readonly embedded: number } | { readonly link: number },
): readonly string[] {
  const values: Record<string, string | number> = {
    'here.services.here.timeoutMs': HERE_TIMEOUT_MS,
    'delivery.closeAfterMs': plan.closeAfterMs,
    'budgets.windowMaxBytes': plan.windowMaxBytes,
    'downlinks.pollMinMs': 1_000,
    'downlinks.pollMaxMs': 2_000,
    'log.pretty': 'never',
  };
  if ('embedded' in broker) {
    values['brokers.main.kind'] = 'embedded';
    values['brokers.main.port'] = broker.embedded;
  } else {
    values['brokers.main.url'] = `mqtt://127.0.0.1:${broker.link}`;
    values['brokers.main.keepaliveMs'] = KEEPALIVE_S * 1000;
    values['brokers.main.connectTimeoutMs'] = 3_000;
    values['brokers.main.protocolVersion'] = plan.mqttVersion;
  }
  return [
    ...['--here-url', hereUrl, '--http-port', '0', '--log-level', 'info'],
    ...Object.entries(values).flatMap(([key, value]) => ['--set', `${key}=${value}`]),
  ];
}
