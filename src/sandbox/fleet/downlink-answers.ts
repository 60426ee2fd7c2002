// How simulated devices and their network answer downlinks, as class A does: a downlink waits for the device's next uplink, then
// goes over the air, and the network reports on it. Some are rejected, some cannot be sent, of some nobody hears anything.
import type { MqttClient } from 'mqtt';

export interface AnswerCounts {
  /** Downlinks that came. */
  received: number;
  sent: number;
  notSent: number;
  rejected: number;
  /** Of which no report is given. */
  silent: number;
}

interface Downlink {
  readonly DevEUI: string;
  readonly FPort: number;
  readonly CorrelationID: string;
}

const FILTER = 'mqtt/things/+/downlink';
const PATTERN = /^mqtt\/things\/([0-9A-F]{16})\/downlink$/;
const MAX_QUEUED = 10_000;

export class DownlinkAnswers {
  readonly counts: AnswerCounts = { received: 0, sent: 0, notSent: 0, rejected: 0, silent: 0 };
  readonly #client: MqttClient;
  readonly #isOwn: (devEui: string) => boolean;
  readonly #queued = new Map<string, Downlink[]>();

  constructor(client: MqttClient, isOwn: (devEui: string) => boolean) {
    this.#client = client;
    this.#isOwn = isOwn;
    client.on('connect', () => client.subscribe(FILTER, { qos: 1 }));
    client.on('message', (topic, payload) => this.#onDownlink(topic, payload));
  }

  /** The device has spoken: what waited for it goes out now. */
  afterUplink(devEui: string): void {
    const downlinks = this.#queued.get(devEui);
    if (downlinks === undefined) return;
    this.#queued.delete(devEui);
    for (const downlink of downlinks) {
      // The last digit decides, so that a run is repeatable and a second try may fare better.
      const lot = Number.parseInt(downlink.CorrelationID.at(-1) ?? '0', 16);
      if (lot === 1) this.counts.silent += 1;
      else if (lot === 2)
        this.#report('DevEUI_downlink_Sent', downlink, { DeliveryStatus: 0, DeliveryFailedCause1: 'B0' });
      else this.#report('DevEUI_downlink_Sent', downlink, { DeliveryStatus: 1, DeliveryFailedCause1: '00' });
    }
  }

  #onDownlink(topic: string, payload: Buffer): void {
    const devEui = PATTERN.exec(topic)?.[1];
    if (devEui === undefined || !this.#isOwn(devEui)) return;
    const { DevEUI_downlink: downlink } = JSON.parse(payload.toString()) as { DevEUI_downlink: Downlink };
    this.counts.received += 1;
    if (downlink.CorrelationID.endsWith('0')) {
      const cause = { DeliveryStatus: 350, DownlinkRejectionCause: 'Downlink counter value already used' };
      this.#report('DevEUI_downlink_Rejected', downlink, cause);
      return;
    }
    const waiting = this.#queued.get(devEui);
    if (waiting !== undefined) waiting.push(downlink);
    else if (this.#queued.size < MAX_QUEUED) this.#queued.set(devEui, [downlink]);
  }

  #report(root: string, downlink: Downlink, more: Readonly<Record<string, unknown>>): void {
    if (root === 'DevEUI_downlink_Rejected') this.counts.rejected += 1;
    else if (more.DeliveryStatus === 1) this.counts.sent += 1;
    else this.counts.notSent += 1;
    const { DevEUI, FPort, CorrelationID } = downlink;
    const report = { Time: new Date().toISOString(), DevEUI, FPort, CorrelationID, ...more };
    this.#client.publish(`mqtt/things/${DevEUI}/uplink`, JSON.stringify({ [root]: report }), { qos: 1 });
  }
}
