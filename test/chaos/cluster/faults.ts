// What happens to a cluster: each fault strikes, ends, and leaves three workers behind.
import { pause } from '../../../src/chaos/wait.ts';
import type { Dice } from '../../../src/sandbox/fleet/seeded-chance.ts';
import { MENDED, RENEWED, WRONG } from './cast.ts';
import type { ClusterStack, DefinitionChange } from './stack.ts';
import type { Takeovers } from './takeovers.ts';
import type { WorkerProcess } from './worker-process.ts';

export interface Scene {
  readonly stack: ClusterStack;
  readonly dice: Dice;
  readonly takeovers: Takeovers;
  readonly say: (line: string) => void;
  /** Those that uplinks come for all the time, with their devices. */
  readonly steady: ReadonlyMap<string, readonly string[]>;
}

const SETTLE_MS = 45_000;
/** Past the session time-out of 6 s. */
const FROZEN_MS = 9_000;
const ALONE_MS = 12_000;

export const FAULTS = {
  /** kill -9; after the others have taken over, it is started again. */
  async killWorker(scene: Scene): Promise<void> {
    const { stack, takeovers } = scene;
    const [worker, ids] = await victim(scene);
    await worker.kill();
    takeovers.began(ids);
    await pause(ALONE_MS);
    await again(stack, worker);
  },
  /** kill -9, and a supervisor that starts it again at once: it comes back into the rebalance that its death has caused. */
  async killAndRestart(scene: Scene): Promise<void> {
    const { stack, takeovers } = scene;
    const [worker, ids] = await victim(scene);
    await worker.kill();
    takeovers.began(ids);
    await again(stack, worker);
  },
  /** It wakes up in the belief that all is as it was. */
  async freezeWorker(scene: Scene): Promise<void> {
    const { stack, takeovers } = scene;
    const [worker, ids] = await victim(scene);
    worker.freeze();
    takeovers.began(ids);
    await pause(FROZEN_MS + scene.dice.whole(0, 4_000));
    worker.thaw();
    await stack.settled(3, SETTLE_MS);
  },
  /** SIGTERM and a new start, as in a rolling upgrade. */
  async stopWorker(scene: Scene): Promise<void> {
    const [worker] = await victim(scene);
    await worker.stop();
    await again(scene.stack, worker);
  },
  async restartKafka({ stack, dice }: Scene): Promise<void> {
    await stack.kafka?.kill();
    await pause(1_000 + dice.whole(0, 8_000));
    await stack.kafka?.resume();
    await stack.settled(3, SETTLE_MS);
  },
  async restartMosquitto({ stack, dice }: Scene): Promise<void> {
    await stack.mosquitto.stop();
    await pause(500 + dice.whole(0, 3_000));
    await stack.mosquitto.resume();
    await stack.settled(3, SETTLE_MS);
  },
  /** Definitions change while a worker dies: names, topics and filters, a password that is put right, a deletion and a new beginning. */
  async changeAmidKill(scene: Scene): Promise<void> {
    const { stack, takeovers, dice, steady } = scene;
    const [worker, ids] = await victim(scene);
    await worker.kill();
    takeovers.began(ids);
    const change = (kind: number, devices: readonly string[]): DefinitionChange =>
      [{ name: `Changed ${dice.whole(0, 1e9)}` }, { otherTopics: true }, { devices }][kind % 3] as DefinitionChange;
    const first = dice.whole(0, 2);
    const changed = stack.connections.filter(({ id }) => steady.has(id) && id !== MENDED.id);
    for (const [index, spec] of changed.entries()) {
      await stack.define(spec, change(first + index, steady.get(spec.id) ?? []));
    }
    await stack.define(MENDED, { password: MENDED.rightPassword as string });
    for (const spec of [RENEWED, WRONG[1] as typeof RENEWED]) {
      await stack.remove(spec.id);
      await stack.define(spec);
    }
    // What is not deleted is not tried again either.
    await stack.define(WRONG[0] as typeof RENEWED, { name: `Changed ${dice.whole(0, 1e9)}` });
    await again(stack, worker);
  },
} as const satisfies Readonly<Record<string, (scene: Scene) => Promise<void>>>;

export type FaultName = keyof typeof FAULTS;

/** Each kind once, in the order of the dice; what goes beyond is by the dice. */
export function faultsOf(dice: Dice, count: number): readonly FaultName[] {
  const names = Object.keys(FAULTS) as FaultName[];
  const left = [...names];
  return Array.from({ length: count }, () => {
    if (left.length === 0) return dice.pick(names);
    return left.splice(dice.whole(0, left.length - 1), 1)[0] as FaultName;
  });
}

/** One that runs, and its connections, as far as they send all the time. */
async function victim({ stack, dice, steady }: Scene): Promise<[WorkerProcess, readonly string[]]> {
  const running = stack.workers.filter(({ runs }) => runs);
  const worker = running[dice.whole(0, running.length - 1)] as WorkerProcess;
  const { pid } = worker;
  const owned = await stack.anyone.workers().catch(() => []);
  const served = owned.find((each) => each.pid === pid)?.connections ?? [];
  return [worker, served.filter((id) => steady.has(id) && stack.isLetIn(id))];
}

async function again(stack: ClusterStack, worker: WorkerProcess): Promise<void> {
  worker.start();
  await worker.ready();
  await stack.settled(3, SETTLE_MS);
}
