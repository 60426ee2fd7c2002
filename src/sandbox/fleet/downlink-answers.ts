// How simulated devices and their networks answer downlinks, as class A does: a downlink waits for the device's next uplink, then
// goes over the air, and the network reports on it. Some are rejected, some cannot be sent, of some nobody hears anything.
import type { MqttClient } from 'mqtt';
import { type Downlink, downlinkOf, type Fate, FILTERS_OF_DOWNLINKS, reportOf } from './network-downlinks.ts';
import type { FleetNetwork } from './other-networks.ts';

export interface AnswerCounts {
  /** Downlinks that came. */
  received: number;
  sent: number;
  notSent: number;
  rejected: number;
  /** Of which no report is given. */
  silent: number;
}

const MAX_QUEUED = 10_000;

export class DownlinkAnswers {
  readonly counts: AnswerCounts = { received: 0, sent: 0, notSent: 0, rejected: 0, silent: 0 };
  readonly #client: MqttClient;
  readonly #isOwn: (devEui: string) => boolean;
  readonly #queued = new Map<string, Downlink[]>();

  constructor(
    client: MqttClient,
    isOwn: (devEui: string) => boolean,
    networks: readonly FleetNetwork[] = ['thingpark'],
    thingParkFilter = FILTERS_OF_DOWNLINKS.thingpark,
  ) {
    this.#client = client;
    this.#isOwn = isOwn;
    const filters = networks.map((network) =>
      network === 'thingpark' ? thingParkFilter : FILTERS_OF_DOWNLINKS[network],
    );
    client.on('connect', () => client.subscribe(filters, { qos: 1 }));
    client.on('message', (topic, payload) => this.#onDownlink(topic, payload));
  }

  /** The device has spoken: what waited for it goes out now. */
  afterUplink(devEui: string): void {
    const downlinks = this.#queued.get(devEui);
    if (downlinks === undefined) return;
    this.#queued.delete(devEui);
    for (const downlink of downlinks) {
      // The last digit decides, so that a run is repeatable and a second try may fare better.
      const lot = Number.parseInt(downlink.correlationId.at(-1) ?? '0', 16);
      if (lot === 1) this.counts.silent += 1;
      else this.#report(lot === 2 ? 'notSent' : 'sent', downlink);
    }
  }

  #onDownlink(topic: string, payload: Buffer): void {
    const downlink = downlinkOf(topic, payload);
    if (downlink === null || !this.#isOwn(downlink.devEui)) return;
    this.counts.received += 1;
    if (downlink.correlationId.endsWith('0')) {
      this.#report('rejected', downlink);
      return;
    }
    const waiting = this.#queued.get(downlink.devEui);
    if (waiting !== undefined) waiting.push(downlink);
    else if (this.#queued.size < MAX_QUEUED) this.#queued.set(downlink.devEui, [downlink]);
  }

  #report(fate: Fate, downlink: Downlink): void {
    this.counts[fate] += 1;
    const { topic, body } = reportOf(downlink, fate);
    this.#client.publish(topic, JSON.stringify(body), { qos: 1 });
  }
}
