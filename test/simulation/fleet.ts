// The devices: each planned uplink as the message that a network server would publish.
import type { BrokerModel } from './broker-model.ts';
import type { ConnectionPlan, UplinkPlan } from './plan.ts';
import type { SimTime } from './time.ts';
import type { Uplink, Witness } from './witness.ts';

export class Fleet {
  readonly #time: SimTime;
  readonly #broker: BrokerModel;
  readonly #witness: Witness;
  /** Emission of the latest uplink of each device: a device's times grow. */
  readonly #emitted = new Map<string, number>();
  /** The connections' sets of topics: a move of the source takes the devices along. */
  readonly topics = new Map<string, number>();

  constructor(time: SimTime, broker: BrokerModel, witness: Witness) {
    this.#time = time;
    this.#broker = broker;
    this.#witness = witness;
  }

  send(
    connection: ConnectionPlan,
    plan: Pick<UplinkPlan, 'device' | 'kind' | 'paddingBytes'>,
    isProbe = false,
  ): Uplink {
    const { device } = plan.device;
    // By the millisecond, and never twice the same.
    const emittedAt = Math.max(this.#time.wallMs, (this.#emitted.get(device) ?? 0) + 1);
    const count = this.#emitted.size;
    this.#emitted.set(device, emittedAt);
    const generation = this.#generationOf(connection.id);
    const uplink = this.#witness.sent({
      connection: connection.id,
      device,
      kind: plan.kind,
      emittedAt,
      lane: `${device} ${generation}`,
      isProbe,
    });
    const payload = Buffer.from(messageOf(uplink, connection, count, plan.paddingBytes));
    this.#broker.publish(`${topicsOf(connection.id, generation)}/${device}/uplink`, payload, uplink);
    return uplink;
  }

  /** The network follows a move in the moment in which the bridge has subscribed to the new topics, and left the old ones. */
  #generationOf(connection: string): number {
    let generation = this.topics.get(connection) ?? 0;
    // The bridge may have passed one over: two moves in one breath.
    for (let next = generation + 1; next <= generation + 4; next++) {
      if (this.#broker.isSubscribed(topicFilterOf(connection, next))) generation = next;
    }
    this.topics.set(connection, generation);
    return generation;
  }
}

function topicsOf(connection: string, generation: number): string {
  return `${connection}/${generation}`;
}

/** What a definition subscribes to. */
export function topicFilterOf(connection: string, generation: number): string {
  return `${topicsOf(connection, generation)}/+/uplink`;
}

function messageOf({ kind, device, emittedAt }: Uplink, plan: ConnectionPlan, count: number, padding: number): string {
  if (kind === 'notJson') return `{"DevEUI_uplink": {"DevEUI": "${device}", `;
  const tags = plan.hasMatcher && kind !== 'noMatch' ? '"simulated"' : '';
  const what =
    kind === 'join'
      ? ',"rawJoinRequest":"00"'
      : kind === 'mac'
        ? ''
        : `,"FPort":2,"payload_hex":"0102","payload":{"temperature":${20 + (emittedAt % 100) / 10}}`;
  const station = padding > 0 ? `,"BaseStationData":{"name":"${'x'.repeat(padding)}"}` : '';
  return (
    `{"DevEUI_uplink":{"Time":"${new Date(emittedAt).toISOString()}","DevEUI":"${device}","FCntUp":${count},` +
    `"CustomerData":{"tags":[${tags}]},"LrrRSSI":-90,"LrrSNR":7${what}${station}}}`
  );
}
