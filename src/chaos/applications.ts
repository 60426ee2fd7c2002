// Applications that desire something of devices at HERE, and the network that gets the downlinks: both count for themselves.
import mqtt, { type MqttClient } from 'mqtt';
import type { ProjectArrivals } from './arrivals.ts';
import type { Desired, GotDownlink } from './command-books.ts';
import type { ConnectionSpec } from './stack.ts';
import { pause } from './wait.ts';

export interface ApplicationsOptions {
  /** Of HERE itself, past the link that has faults. */
  readonly hereUrl: string;
  readonly brokerPort: number;
  readonly connections: readonly ConnectionSpec[];
  /** What HERE has of a connection's devices: only those can be desired something of. */
  readonly arrivals: (connection: ConnectionSpec) => ProjectArrivals;
}

const EVERY_MS = 400;
/** Longer than a look of the bridge: so a command is not always superseded. */
const REST_MS = 5_000;
const CALL_MS = 3_000;

export class Applications {
  readonly desires: Desired[] = [];
  readonly downlinks: GotDownlink[] = [];
  readonly #options: ApplicationsOptions;
  readonly #client: MqttClient;
  readonly #tokens = new Map<string, string>();
  readonly #seen = new Set<string>();

  constructor(options: ApplicationsOptions) {
    this.#options = options;
    this.#client = mqtt.connect(`mqtt://127.0.0.1:${options.brokerPort}`, {
      ...{ clientId: 'chaos-network', clean: false, keepalive: 3, reconnectPeriod: 200, connectTimeout: 3_000 },
      reconnectOnConnackError: true,
    });
    this.#client.on('error', () => {});
    this.#client.on('message', (_topic, payload, { dup }) => this.#hear(String(payload), dup));
  }

  /** Resolves when downlinks are heard from now on. */
  async listen(): Promise<void> {
    await this.#client.subscribeAsync('mqtt/things/+/downlink', { qos: 1 });
  }

  /** Each connection in turn; every third time two within one interval. */
  async desireFor(ms: number, signal: AbortSignal): Promise<void> {
    const end = performance.now() + ms;
    /** When something was last desired of a device. */
    const last = new Map<string, number>();
    for (let turn = 0; performance.now() < end && !signal.aborted; turn++) {
      const { connections, arrivals } = this.#options;
      const connection = connections[turn % connections.length] as ConnectionSpec;
      const devices = new Set([...arrivals(connection).accepted.keys()].map((key) => key.split(' ')[0] as string));
      const rested = [...devices].filter((each) => performance.now() - (last.get(each) ?? -REST_MS) >= REST_MS);
      const device = rested.find((each) => !last.has(each)) ?? rested[0];
      if (device !== undefined) {
        last.set(device, performance.now());
        await this.#desire(connection, device);
        if (turn % 3 === 0) await this.#desire(connection, device);
      }
      await pause(EVERY_MS);
    }
  }

  async stop(): Promise<void> {
    await this.#client.endAsync(true);
  }

  async #desire(connection: ConnectionSpec, device: string): Promise<void> {
    const hex = (0x10000 + this.desires.length).toString(16).padStart(8, '0');
    const desired: Desired = { connectionId: connection.id, device, hex, at: Date.now(), taken: false };
    this.desires.push(desired);
    try {
      desired.taken = (await this.#put(connection, device, hex)) === 200;
    } catch {
      // HERE is down: whether it has it, nobody knows.
    }
  }

  async #put(connection: ConnectionSpec, device: string, hex: string): Promise<number> {
    const { email, appId } = connection;
    const token = this.#tokens.get(email) ?? (await this.#logIn(connection));
    const answer = await fetch(`${this.#options.hereUrl}/shadows/v2/${device}?appId=${appId}`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ desired: { payload: { FPort: 2, payload_hex: hex } } }),
      signal: AbortSignal.timeout(CALL_MS),
    });
    await answer.arrayBuffer();
    if (answer.status === 401) this.#tokens.delete(email);
    return answer.status;
  }

  async #logIn({ email, password }: ConnectionSpec): Promise<string> {
    const answer = await fetch(`${this.#options.hereUrl}/users/v2/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ email, password }),
      signal: AbortSignal.timeout(CALL_MS),
    });
    const { accessToken } = (await answer.json()) as { accessToken?: string };
    if (accessToken === undefined) throw new Error(`the log-in was answered ${answer.status}`);
    this.#tokens.set(email, accessToken);
    return accessToken;
  }

  /** `dup`: the broker gives it once more on a new connection; the bridge has no part in that. */
  #hear(text: string, dup: boolean): void {
    const { DevEUI_downlink: body } = JSON.parse(text) as { DevEUI_downlink: Record<string, string> };
    const [hex, correlationId] = [String(body.payload_hex), String(body.CorrelationID)];
    const name = `${hex} ${correlationId}`;
    if (dup && this.#seen.has(name)) return;
    this.#seen.add(name);
    this.downlinks.push({ hex, correlationId, at: Date.now() });
  }
}
