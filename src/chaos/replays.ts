// Dead letters in a round: HERE refuses a share of the records, and people send them on their way again, in the midst of the
// faults, and at the end until none is left: with kills of the bridge in the midst of it, and one of each connection edited.
import type { FaultRule } from '../sandbox/options.ts';
import type { RoundPlan } from './schedule.ts';
import { CONNECTIONS, type Stack } from './stack.ts';
import { pause, until } from './wait.ts';

export interface ReplayScene {
  readonly onKill: () => void;
  /** What only a defect explains: no fault is left when the last dead letters are replayed. */
  readonly onAlarm: (alarm: string) => void;
}

interface Rule {
  readonly id: number;
  readonly rule: FaultRule;
}

interface Letter {
  readonly id: number;
  readonly payload?: string;
}

interface Edited {
  readonly appId: string;
  readonly device: string;
  readonly mark: string;
}

const MEANWHILE_EVERY_MS = 2_500;
const SLOWLY = 5;
const FAST = 500;
/** A replay that is to be killed takes about so long. */
const KILLED_WITHIN_MS = 2_000;
const UNDO_MS = 20_000;
const READY_MS = 30_000;
/** What a bridge that was killed may need until its uplinks flow again. */
const ARRIVED_MS = 30_000;

export class Replays {
  readonly #stack: Stack;
  readonly #plan: Pick<RoundPlan, 'refusedShare' | 'replayDraw'>;
  readonly #scene: ReplayScene;

  constructor(stack: Stack, plan: Pick<RoundPlan, 'refusedShare' | 'replayDraw'>, scene: ReplayScene) {
    this.#stack = stack;
    this.#plan = plan;
    this.#scene = scene;
  }

  /** Beside the other faults, whatever they do to the bridge: now and then somebody replays all there is. */
  async meanwhile(ms: number, signal: AbortSignal): Promise<void> {
    if (this.#plan.refusedShare === 0) return;
    await this.#refuse();
    for (const end = performance.now() + ms; performance.now() < end && !signal.aborted; ) {
      await pause(MEANWHILE_EVERY_MS, signal);
      if (signal.aborted) return;
      this.#replayAll(SLOWLY);
      // A HERE that was killed has forgotten it; one that is dead is asked the next time.
      await this.#refuse().catch(() => {});
    }
  }

  async refuseNoMore(): Promise<void> {
    const isDone = await until(UNDO_MS, async () => {
      const rule = await this.#rule();
      if (rule !== null) await this.#stack.here.removeFault(rule);
      return true;
    });
    if (!isDone) throw new Error('The simulated HERE does not answer after the faults');
  }

  /** Until no connection has a dead letter left. */
  async finish(timeoutMs: number): Promise<void> {
    const { bridge } = this.#stack;
    let most = 0;
    const known = await until(UNDO_MS, async () => {
      const counts = await Promise.all(CONNECTIONS.map(async ({ id }) => (await this.#letters(id)).length));
      most = Math.max(...counts);
      return true;
    });
    if (known && most === 0) return;
    const edited = await this.#edit();
    const kills = 1 + Math.floor(this.#plan.replayDraw * 3);
    for (let n = 1; n <= kills; n++) {
      this.#replayAll(Math.max(1, (most * 1000) / KILLED_WITHIN_MS));
      await pause(100 + KILLED_WITHIN_MS * ((this.#plan.replayDraw * 7 * n) % 1));
      await bridge.kill();
      this.#scene.onKill();
      bridge.start();
      await bridge.whenReady(READY_MS);
    }
    const isDone = await until(
      timeoutMs,
      async () => {
        let left = 0;
        for (const { id } of CONNECTIONS) {
          const count = (await this.#letters(id)).length;
          if (count > 0) await bridge.replay(id, FAST);
          left += count;
        }
        return left === 0;
      },
      300,
    );
    if (!isDone) this.#scene.onAlarm('dead letters were left after their replay');
    for (const each of edited) {
      // The last one may still be on its way.
      if (!(await until(ARRIVED_MS, () => this.#isThere(each), 300))) {
        this.#scene.onAlarm(`the edited dead letter of ${each.device} did not arrive as it was edited`);
      }
    }
  }

  async #refuse(): Promise<void> {
    if ((await this.#rule()) !== null) return;
    await this.#stack.here.addFault({ name: '400', rate: this.#plan.refusedShare, path: '/v3/batch' });
  }

  /** By its share, which no other rule has. */
  async #rule(): Promise<number | null> {
    const { faults } = (await this.#stack.here.call('GET', '/faults')) as { faults: readonly Rule[] };
    return faults.find(({ rule }) => rule.name === '400' && rule.rate === this.#plan.refusedShare)?.id ?? null;
  }

  /** Nobody waits for it: it may be killed, or refused while its connection does not run. */
  #replayAll(perSecond: number): void {
    for (const { id } of CONNECTIONS) this.#stack.bridge.replay(id, perSecond).catch(() => {});
  }

  async #letters(connectionId: string): Promise<readonly Letter[]> {
    const found = await this.#stack.bridge.call('GET', `/connections/${connectionId}/dead-letters?limit=1000`);
    return (found as { letters: readonly Letter[] }).letters;
  }

  /** The latest of each connection gets a mark, which goes to HERE with the rest of the payload. */
  async #edit(): Promise<readonly Edited[]> {
    const edited: Edited[] = [];
    const { bridge } = this.#stack;
    for (const { id, appId } of CONNECTIONS) {
      await until(UNDO_MS, async () => {
        const letter = (await this.#letters(id)).at(0);
        if (letter === undefined) return true;
        const path = `/connections/${id}/dead-letters/${letter.id}`;
        const { payload = '' } = (await bridge.call('GET', path)) as Letter;
        const message = JSON.parse(payload) as { DevEUI_uplink: Record<string, unknown> };
        const mark = `edited-${id}-${letter.id}`;
        message.DevEUI_uplink.note = mark;
        await bridge.call('PATCH', path, { payload: JSON.stringify(message) });
        edited.push({ appId, device: String(message.DevEUI_uplink.DevEUI), mark });
        return true;
      });
    }
    return edited;
  }

  async #isThere({ appId, device, mark }: Edited): Promise<boolean> {
    const query = new URLSearchParams({ appId, device, limit: '10000' });
    return JSON.stringify(await this.#stack.here.call('GET', `/received?${query}`)).includes(mark);
  }
}
