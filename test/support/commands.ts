// An application that desires shadows in a sandbox, and a network that receives downlinks and reports on them: both count for
// themselves, and owe nothing to the bridge.
import { connect, type MqttClient } from 'mqtt';
import { onTestFinished } from 'vitest';
import type { Sandbox } from '../../src/sandbox/server.ts';

export interface Downlink {
  readonly topic: string;
  readonly body: Readonly<Record<string, unknown>>;
  /** Wall clock, ms. */
  readonly at: number;
}

/** Receives what is published on the downlink topics, and publishes uplinks and reports. */
export class Network {
  readonly downlinks: Downlink[] = [];
  /** Called with each downlink as it comes. */
  onDownlink: (downlink: Downlink) => void = () => {};
  readonly #client: MqttClient;
  readonly #seen = new Set<string>();

  private constructor(client: MqttClient) {
    this.#client = client;
  }

  /** `clientId`: with a session that outlives a broker's end. */
  static async on(brokerUrl: string, { clientId }: { readonly clientId?: string } = {}): Promise<Network> {
    const session = clientId === undefined ? { clean: true } : { clean: false, clientId };
    const client = connect(brokerUrl, { ...session, reconnectPeriod: 200 });
    client.on('error', () => {});
    const network = new Network(client);
    client.on('message', (topic, payload) => {
      // The broker's copy of what it has no acknowledgement of: the bridge writes a new time into each of its own.
      const seen = `${topic} ${payload}`;
      if (network.#seen.has(seen)) return;
      network.#seen.add(seen);
      const { DevEUI_downlink: body } = JSON.parse(payload.toString()) as { DevEUI_downlink: Downlink['body'] };
      const downlink = { topic, body, at: Date.now() };
      network.downlinks.push(downlink);
      network.onDownlink(downlink);
    });
    await client.subscribeAsync('mqtt/things/+/downlink', { qos: 1 });
    onTestFinished(() => client.endAsync(true));
    return network;
  }

  of(device: string): readonly Downlink[] {
    return this.downlinks.filter(({ body }) => body.DevEUI === device);
  }

  async publish(device: string, message: object): Promise<void> {
    await this.#client.publishAsync(`mqtt/things/${device}/uplink`, JSON.stringify(message), { qos: 1 });
  }

  async uplink(device: string, more: object = {}): Promise<void> {
    const body = { Time: new Date().toISOString(), DevEUI: device, FPort: 1, payload_hex: '01', ...more };
    await this.publish(device, { DevEUI_uplink: { ...body, payload: { temperature: 20 } } });
  }

  async sent({ body }: Downlink, more: object = {}): Promise<void> {
    const { DevEUI, FPort, CorrelationID } = body;
    const report = { Time: new Date().toISOString(), DevEUI, FPort, CorrelationID, DeliveryStatus: 1, ...more };
    await this.publish(String(DevEUI), { DevEUI_downlink_Sent: report });
  }

  async rejected({ body }: Downlink, cause: string): Promise<void> {
    const { DevEUI, FPort, CorrelationID } = body;
    const report = { DevEUI, FPort, CorrelationID, DeliveryStatus: '350', DownlinkRejectionCause: cause };
    await this.publish(String(DevEUI), { DevEUI_downlink_Rejected: { Time: new Date().toISOString(), ...report } });
  }
}

/** Writes desired shadows at HERE with a log-in of its own, as an application does. */
export class Application {
  readonly #sandbox: Sandbox;
  readonly #appId: string;
  readonly #token: string;

  private constructor(sandbox: Sandbox, appId: string, token: string) {
    this.#sandbox = sandbox;
    this.#appId = appId;
    this.#token = token;
  }

  static async logIn(sandbox: Sandbox, appId = sandbox.appIds[0] as string): Promise<Application> {
    const { email, password } = sandbox;
    const answer = await fetch(`${sandbox.url}/users/v2/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ email, password }),
    });
    const { accessToken } = (await answer.json()) as { accessToken: string };
    return new Application(sandbox, appId, accessToken);
  }

  /** Answers the state version. */
  async desire(device: string, desired: object): Promise<number> {
    const body = JSON.stringify({ desired });
    const { status, json } = await this.#call('PUT', device, body);
    if (status !== 200) throw new Error(`HERE answered ${status} ${JSON.stringify(json)}`);
    return (json as { desired: { system: { stateVersion: number } } }).desired.system.stateVersion;
  }

  async reported(device: string): Promise<number | null> {
    const { json } = await this.#call('GET', device, null);
    const { reported } = json as { reported?: { system?: { stateVersion?: number } } };
    return reported?.system?.stateVersion ?? null;
  }

  async #call(method: string, device: string, body: string | null): Promise<{ status: number; json: unknown }> {
    const answer = await fetch(`${this.#sandbox.url}/shadows/v2/${device}?appId=${this.#appId}`, {
      method,
      headers: { authorization: `Bearer ${this.#token}`, 'content-type': 'application/json' },
      ...(body === null ? {} : { body }),
    });
    return { status: answer.status, json: await answer.json().catch(() => null) };
  }
}
