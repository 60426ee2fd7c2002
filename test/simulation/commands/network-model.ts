// The network between devices and the bridge: a broker that takes downlinks and keeps uplinks and reports in persistent sessions, and
// devices of class A, which hear after they have spoken.
import type { Publisher } from '../../../src/domain/ports/broker.ts';
import type { DownlinkFlow } from '../../../src/downlink/downlink-flow.ts';
import type { Dice } from '../dice.ts';
import { type Life, never } from '../life.ts';
import type { SimTime } from '../time.ts';
import type { Trace } from '../trace.ts';
import type { CommandPlan } from './command-plan.ts';
import type { CommandWitness, Desire } from './command-witness.ts';
import type { ShadowModel } from './shadow-model.ts';

interface Message {
  readonly device: string;
  /** null: an uplink. */
  readonly report: { readonly correlationId: string; readonly kind: 'sent' | 'notSent' | 'rejected' } | null;
}

interface Publish {
  readonly correlationId: string;
  ackMs: number | null;
}

export interface NetworkModelOptions {
  readonly plan: CommandPlan;
  readonly time: SimTime;
  readonly dice: Dice;
  readonly trace: Trace;
  readonly witness: CommandWitness;
  readonly shadows: ShadowModel;
  /** The disk refused commits since then, ms; null: it does not. */
  readonly diskFullSince: () => number | null;
}

const TIMEOUT_MS = 10_000;
const SERVED_MARGIN_MS = 90_000;

export class NetworkModel {
  /** Which connection's topics a device sends on. */
  readonly connectionOf = new Map<string, number>();
  readonly #o: NetworkModelOptions;
  #isAway = false;
  /** The broker takes publishes, and its word does not come. */
  #isDeaf = false;
  readonly #sessions = new Map<number, Message[]>();
  readonly #queued = new Map<string, { readonly desire: Desire; readonly correlationId: string }[]>();
  readonly #served = new Map<string, { readonly connection: string; readonly fromMs: number; untilMs: number }[]>();
  #publishes: Publish[] = [];
  #reader: { readonly life: Life; readonly flows: readonly DownlinkFlow[]; readonly now: () => number } | null = null;

  constructor(options: NetworkModelOptions) {
    this.#o = options;
    for (const [n] of options.plan.connections.entries()) this.#sessions.set(n, []);
    for (const { device, connection, everyMs } of options.plan.devices) {
      if (connection === null) continue;
      this.connectionOf.set(device, connection);
      this.#speaks(device, everyMs);
    }
  }

  suffer(kind: 'brokerAway' | 'deaf', on: boolean): void {
    if (kind === 'deaf') this.#isDeaf = on;
    else this.#isAway = on;
  }

  publisherOf(life: Life): Publisher {
    return {
      start: () => {},
      stop: () => Promise.resolve(),
      connected: true,
      onStatus: () => {},
      publish: (topic, payload) => this.#publish(life, topic, String(payload)),
    };
  }

  /** A process reads the sessions from now on. */
  read(life: Life, flows: readonly DownlinkFlow[], now: () => number): void {
    this.#reader = { life, flows, now };
    for (const connection of this.#sessions.keys()) this.#deliver(connection);
    life.whenEnded(() => this.#ended());
  }

  #ended(): void {
    this.#reader = null;
    const { time, witness, diskFullSince } = this.#o;
    for (const { correlationId, ackMs } of this.#publishes) {
      const isCommitted = ackMs !== null && ackMs < time.nowMs && ackMs < (diskFullSince() ?? Number.POSITIVE_INFINITY);
      if (!isCommitted) witness.excuse(correlationId);
    }
    this.#publishes = [];
  }

  #publish(life: Life, topic: string, payload: string): Promise<void> {
    const { time, dice } = this.#o;
    if (!life.isLiving()) return never();
    return new Promise((resolve, reject) => {
      const fail = (ms: number, words: string): void => void time.after(ms, () => reject(new Error(words)), life);
      if (this.#isAway) {
        fail(dice.between(1, TIMEOUT_MS), 'not connected');
        return;
      }
      time.after(dice.scaled(0.5, 80), () => {
        // What a dying process had written may come, or not.
        if (!life.alive && dice.isLucky(0.5)) return;
        const publish = this.#received(topic, payload);
        if (!life.alive) {
          if (publish !== null) this.#o.witness.excuse(publish.correlationId);
          return;
        }
        if (publish !== null) this.#publishes.push(publish);
        if (this.#isDeaf) {
          if (publish !== null) this.#o.witness.excuse(publish.correlationId);
          fail(TIMEOUT_MS, 'not acknowledged');
          return;
        }
        time.after(
          dice.scaled(0.5, 80),
          () => {
            if (publish !== null) publish.ackMs = time.nowMs;
            if (life.isLiving()) resolve();
          },
          life,
        );
      });
    });
  }

  #received(topic: string, payload: string): Publish | null {
    const { time, dice, trace, witness, plan } = this.#o;
    const [connection = '', device = ''] = topic.split('/');
    const { DevEUI_downlink: body } = JSON.parse(payload) as { DevEUI_downlink: Record<string, string> };
    const [hex, correlationId] = [String(body.payload_hex), String(body.CorrelationID)];
    trace.add(`down ${device} ${hex} ${correlationId} on ${connection}`);
    const desire = witness.published(
      { device, hex, correlationId, connection },
      this.#servers(device, hex),
      time.nowMs,
    );
    if (desire === null) return null;
    if (dice.isLucky(plan.fates.rejected)) this.#report(device, correlationId, 'rejected');
    else {
      const queue = this.#queued.get(device) ?? [];
      // The network knows a repeat by its CorrelationID.
      if (!queue.some((each) => each.correlationId === correlationId)) queue.push({ desire, correlationId });
      this.#queued.set(device, queue);
    }
    return { correlationId, ackMs: null };
  }

  /** Connections that the bridge may have for the device's last one since the bytes were desired. */
  #servers(device: string, hex: string): ReadonlySet<string> {
    const first = this.#o.witness.ofDevice(device).find((desire) => desire.hex === hex)?.atMs ?? 0;
    const served = this.#served.get(device) ?? [];
    const since = served.filter(({ untilMs }) => untilMs >= first - SERVED_MARGIN_MS);
    return new Set(since.map(({ connection }) => connection));
  }

  #speaks(device: string, everyMs: number): void {
    const { time, dice } = this.#o;
    time.after(everyMs * dice.between(0.8, 1.2), () => {
      this.#speaks(device, everyMs);
      this.#send({ device, report: null });
      const next = this.#queued.get(device)?.shift();
      if (next === undefined) return;
      const { notSent, silent } = this.#o.plan.fates;
      if (dice.isLucky(notSent)) this.#report(device, next.correlationId, 'notSent');
      else if (!dice.isLucky(silent)) this.#report(device, next.correlationId, 'sent');
    });
  }

  #report(device: string, correlationId: string, kind: 'sent' | 'notSent' | 'rejected'): void {
    this.#o.time.after(this.#o.dice.scaled(5, 2_000), () => this.#send({ device, report: { correlationId, kind } }));
  }

  #send(message: Message): void {
    const connection = this.connectionOf.get(message.device) ?? 0;
    this.#sessions.get(connection)?.push(message);
    this.#deliver(connection);
  }

  #deliver(connection: number): void {
    const reader = this.#reader;
    const session = this.#sessions.get(connection) ?? [];
    const flow = reader?.flows[connection];
    if (reader === null || flow === undefined) return;
    for (const message of session.splice(0)) {
      this.#hear(connection, message);
      this.#tell(reader, flow, message);
      // Not acknowledged before the end of the process: it comes again.
      const isUnacknowledged = this.#o.dice.isLucky(0.02);
      if (!reader.life.alive || isUnacknowledged) reader.life.whenEnded(() => void session.unshift(message));
    }
  }

  /** What the bridge knows from now on. */
  #hear(connection: number, { device, report }: Message): void {
    const { plan, time, witness } = this.#o;
    if (report === null) {
      const name = plan.connections[connection] ?? '';
      const served = this.#served.get(device) ?? [];
      const last = served.at(-1);
      if (last !== undefined) last.untilMs = time.nowMs;
      if (last?.connection !== name) served.push({ connection: name, fromMs: time.nowMs, untilMs: time.nowMs });
      this.#served.set(device, served);
      for (const desire of witness.ofDevice(device)) if (desire.copies.size > 0) desire.heardSince += 1;
      return;
    }
    const desire = witness.ofCorrelation(report.correlationId);
    if (desire === null) return;
    if (report.kind === 'notSent') desire.notSent += 1;
    else desire.end ??= report.kind;
  }

  #tell(
    { life, now }: { readonly life: Life; readonly now: () => number },
    flow: DownlinkFlow,
    { device, report }: Message,
  ): void {
    const { time, dice, shadows, trace } = this.#o;
    const arrivedAt = now();
    if (report !== null) {
      trace.add(`report ${device} ${report.correlationId} ${report.kind}`);
      const status = report.kind === 'rejected' ? 350 : report.kind === 'sent' ? 1 : 0;
      const kind = report.kind === 'rejected' ? 'rejected' : 'sent';
      flow.onReport({ kind, device, correlationId: report.correlationId, port: 2, status, cause: 'B0' }, arrivedAt);
      return;
    }
    flow.onUplink(device, {}, arrivedAt, { network: 'thingpark', topic: 'up', root: null });
    // Its record goes to HERE, and the version with it.
    time.after(
      dice.scaled(20, 3_000),
      () => {
        const version = flow.versions.any ? flow.versions.dueFor(device, arrivedAt) : null;
        if (version === null) return;
        time.after(dice.scaled(2, 200), () => {
          if (!life.alive && dice.isLucky(0.5)) return;
          trace.add(`HERE hears version ${version} of ${device}`);
          shadows.report(device, version);
          time.after(dice.scaled(2, 200), () => flow.versions.onTold(device, version), life);
        });
      },
      life,
    );
  }
}
