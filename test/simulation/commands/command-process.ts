// One process's way back: the real flows, hub and store, put together as `src/bridge/downlinks.ts` does it, over models.
import type { Connection } from '../../../src/domain/connection.ts';
import type { Publisher } from '../../../src/domain/ports/broker.ts';
import type { Chance, Clock } from '../../../src/domain/ports/clock.ts';
import type { ShadowCalls } from '../../../src/domain/ports/downlink.ts';
import type { HereProject } from '../../../src/domain/ports/here.ts';
import type { BridgeStore } from '../../../src/domain/ports/store.ts';
import { DownlinkFlow } from '../../../src/downlink/downlink-flow.ts';
import { DownlinkHub } from '../../../src/downlink/downlink-hub.ts';
import type { Disk } from '../../../src/store/disk.ts';
import { assembleStore, type StoreParts } from '../../../src/store/store.ts';
import { compileTopicPattern } from '../../../src/uplink/topic-pattern.ts';
import type { CommandPlan } from './command-plan.ts';

export interface CommandProcessParts {
  readonly plan: CommandPlan;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly disk: Disk;
  readonly storeParts: StoreParts;
  readonly shadows: ShadowCalls;
  readonly publisher: Publisher;
  readonly isEnabled: (connection: number) => boolean;
  readonly onEvent: (connectionId: string | null, kind: string, message: string) => void;
  readonly onIncident: (message: string) => void;
}

export const PROJECT = 'here.example|app';
export const DATA_DIR = '/data';
const SETTLE_MS = 6_000;
const DAY_MS = 24 * 3_600_000;
const BOX = {
  encrypt: (plain: string) => plain,
  decrypt: (text: string) => text,
  isEncrypted: () => false,
  hmac: (text: string) => text,
};

export function openStore({
  clock,
  disk,
  storeParts,
  onIncident,
}: Pick<CommandProcessParts, 'clock' | 'disk' | 'storeParts' | 'onIncident'>): Promise<BridgeStore> {
  const report = ({ kind, message }: { readonly kind: string; readonly message: string }) =>
    onIncident(`${kind}: ${message}`);
  return assembleStore({ dataDir: DATA_DIR, clock, box: BOX, report, disk }, storeParts);
}

export class CommandProcess {
  readonly flows: DownlinkFlow[] = [];
  readonly #parts: CommandProcessParts;
  #store: BridgeStore | null = null;
  #hub: DownlinkHub | null = null;

  constructor(parts: CommandProcessParts) {
    this.#parts = parts;
  }

  /** Resolves when uplinks and reports may be told. */
  async start(): Promise<void> {
    const { plan, clock, chance, publisher, onEvent } = this.#parts;
    const store = await openStore(this.#parts);
    this.#store = store;
    const events = {
      emit: ({ connectionId, kind, message }: { connectionId: string | null; kind: string; message: string }) =>
        onEvent(connectionId, kind, message),
    };
    const hub = new DownlinkHub({ store: store.shadows, clock, chance, events, pollMs: plan.pollMs, maxAgeMs: DAY_MS });
    this.#hub = hub;
    for (const [n, id] of plan.connections.entries()) {
      const own = await store.openConnection(id, { maxBytes: 1024 * 1024 });
      const commands = store.commands(id);
      if (commands === null) throw new Error(`nothing is stored of ${id}`);
      this.flows[n] = new DownlinkFlow(this.connection(n), {
        ...{ store: own, commands, shadows: store.shadows, hub, clock, chance, events },
        publisher: () => publisher,
        compileTopic: (pattern) => ({ needsUplink: false, render: compileTopicPattern(pattern).render }),
        findTopic: () => Promise.resolve(null),
        takesNetworkForms: () => true,
        isOwnTopic: () => false,
        isShared: false,
        retry: { minMs: 500, maxMs: 20_000 },
        maxAgeMs: DAY_MS,
      });
    }
  }

  /** HERE has let the connections in. */
  open(): void {
    const project = { key: PROJECT, appId: 'app', projectName: 'app', shadows: this.#parts.shadows };
    for (const flow of this.flows) flow.open(project as unknown as HereProject);
  }

  /** A definition with it was read. */
  changed(connection: number): void {
    this.flows[connection]?.change(this.connection(connection));
  }

  async stop(): Promise<void> {
    const late = new AbortController();
    const cancel = this.#parts.clock.after(SETTLE_MS, () => late.abort());
    await Promise.all(this.flows.map((flow) => flow.stop(late.signal)));
    cancel();
    this.#hub?.save();
    await this.#store?.close();
  }

  connection(n: number): Connection {
    const id = this.#parts.plan.connections[n] ?? '';
    const account = { service: 'here', realm: null, email: 'owner@tenant.example', password: 'secret' };
    const downlink = {
      ...{ enabled: this.#parts.isEnabled(n), asId: null, asKey: null, port: 2, template: null },
      topicPattern: `${id}/{DevEUI}/down`,
    };
    return { id, account, source: { broker: 'main' }, downlink } as unknown as Connection;
  }
}
