// What each kind of fault does, and how it is undone: called with how long it lasts and one draw for its variety.
import type { FaultRule } from '../sandbox/options.ts';
import type { Ending } from './child.ts';
import type { FaultKind } from './schedule.ts';
import type { SmallDisk } from './small-disk.ts';
import { CONNECTIONS, type Stack } from './stack.ts';
import { pause, until } from './wait.ts';

export interface FaultScene {
  readonly stack: Stack;
  readonly disk: SmallDisk | null;
  /** The bridge has ended, told to stop. */
  onStopped(ending: Ending): void;
  /** One kill -9 of a process. */
  onKill(): void;
  /** Wall clock, ms: when Mosquitto was killed, and before when it certainly acknowledged nothing more. */
  onBrokerKilled(from: number, to: number): void;
}

/** Resolves when the fault is gone and what it broke runs again. */
type Fault = (scene: FaultScene, ms: number, draw: number) => Promise<void>;

const BATCH = '/v3/batch';
/** The bridge gives a request up after 2 s. */
const SLOW_MS = [300, 1_500] as const;
const UNDO_MS = 20_000;

export const FAULT_ACTIONS: Readonly<Record<FaultKind, Fault>> = {
  async killBridge({ stack, onKill }, ms, draw) {
    // Some die again while they start.
    const times = draw < 0.15 ? 6 : draw < 0.35 ? 3 : draw < 0.6 ? 2 : 1;
    for (let n = 1; n <= times; n++) {
      await stack.bridge.kill();
      onKill();
      await pause(n === 1 ? ms / 2 : 50);
      stack.bridge.start();
      if (n < times) await pause(100 + (ms / 2) * ((draw * 7 * n) % 1));
    }
  },
  async stopBridge({ stack, onStopped }, ms) {
    const ending = await stack.bridge.stop();
    if (ending !== null) onStopped(ending);
    await pause(ms);
    stack.bridge.start();
  },
  async freezeBridge({ stack }, ms) {
    stack.bridge.freeze();
    await pause(ms);
    stack.bridge.thaw();
  },
  async clockStep({ stack }, ms, draw) {
    const steps = [-3_600_000, 90_000, 7_200_000, 26 * 3_600_000, -26 * 3_600_000];
    stack.bridge.shiftClock(steps[Math.floor(draw * steps.length)]!);
    await pause(ms);
    stack.bridge.shiftClock(0);
  },
  async diskFull({ disk }, ms) {
    const end = performance.now() + ms;
    while (performance.now() < end) {
      disk?.fill();
      await pause(100);
    }
    disk?.free();
  },

  async killBroker({ stack, onKill, onBrokerKilled }, ms) {
    const from = Date.now();
    await stack.mosquitto!.kill();
    onKill();
    await pause(ms);
    onBrokerKilled(from, Date.now());
    await stack.mosquitto!.resume();
  },
  async stopBroker({ stack }, ms) {
    await stack.mosquitto!.stop();
    await pause(ms);
    await stack.mosquitto!.resume();
  },
  async freezeBroker({ stack }, ms) {
    stack.mosquitto!.freeze();
    await pause(ms);
    stack.mosquitto!.thaw();
  },
  async brokerReset({ stack }, ms, draw) {
    await repeat(ms, 150 + draw * 600, () => stack.brokerLink.cut());
  },
  async brokerHalfOpen({ stack }, ms, draw) {
    stack.brokerLink.freeze(draw < 0.5);
    await pause(ms);
    stack.brokerLink.thaw();
  },
  async brokerSlow({ stack }, ms, draw) {
    stack.brokerLink.delay(50 + draw * 900);
    await pause(ms);
    stack.brokerLink.delay(0);
  },

  async killHere({ stack, onKill }, ms) {
    await stack.here.kill();
    onKill();
    await pause(ms);
    await stack.here.resume();
  },
  async hereReset(scene, ms, draw) {
    const { hereLink } = scene.stack;
    if (draw < 0.4) return rule(() => ({ name: 'reset', rate: 0.3 + draw }))(scene, ms, draw);
    if (draw < 0.7) hereLink.mode = 'refuse';
    await repeat(ms, 100 + draw * 400, () => hereLink.cut());
    hereLink.mode = 'pass';
  },
  async hereHalfOpen({ stack }, ms) {
    stack.hereLink.mode = 'silent';
    await pause(ms);
    stack.hereLink.mode = 'pass';
  },
  async hereGarbage({ stack }, ms) {
    await spoil(stack, 'garbage', ms);
  },
  async hereTls({ stack }, ms, draw) {
    await spoil(stack, draw < 0.5 ? 'noTls' : 'stranger', ms);
  },
  hereSlow: rule((draw) => ({ name: 'slow', rate: 0.3 + draw * 0.7, delayMs: SLOW_MS[0] + draw * SLOW_MS[1] })),
  hereHang: rule((draw) => ({ name: 'hang', rate: 0.3 + draw * 0.7 })),
  hereHalfAnswer: rule((draw) => ({ name: 'half', rate: 0.2 + draw * 0.6 })),
  hereLostAnswer: rule((draw) => ({ name: 'duplicate204', rate: 0.2 + draw * 0.6, path: BATCH })),
  here400: rule((draw) => ({ name: '400', rate: 0.002 + draw * 0.02, path: BATCH })),
  async here401({ stack }, ms, draw) {
    await repeat(ms, 200 + draw * 1_500, async () => {
      for (const email of new Set(CONNECTIONS.map((each) => each.email))) await stack.here.revokeTokens(email);
    });
  },
  async here403(scene, ms, draw) {
    await rule(() => ({ name: '403', rate: 0.5 + draw / 2, path: BATCH }))(scene, ms, draw);
    await release(scene.stack);
  },
  here404: rule((draw) => ({ name: '404', rate: 0.05 + draw * 0.4, path: BATCH })),
  here413: rule((draw) => ({ name: '413', maxRecords: 1 + Math.floor(draw * 20), path: BATCH })),
  here429: rule((draw) => ({ name: '429', rate: 0.3 + draw * 0.7, retryAfterS: 1 + Math.floor(draw * 5) })),
  here429Plain: rule((draw) => ({ name: '429', rate: 0.3 + draw * 0.7, retryAfterS: null })),
  here500: rule((draw) => ({ name: '500', rate: 0.3 + draw * 0.7 })),
  here503: rule((draw) => ({ name: '503', rate: draw < 0.7 ? 1 : 0.5, path: draw < 0.5 ? '*' : BATCH })),
};

function rule(make: (draw: number) => FaultRule): Fault {
  return async ({ stack }, ms, draw) => {
    const id = await stack.here.addFault(make(draw));
    await pause(ms);
    await stack.here.removeFault(id);
  };
}

async function repeat(ms: number, everyMs: number, act: () => void | Promise<void>): Promise<void> {
  const end = performance.now() + ms;
  do {
    await act();
    await pause(everyMs);
  } while (performance.now() < end);
}

async function spoil(stack: Stack, mode: 'garbage' | 'noTls' | 'stranger', ms: number): Promise<void> {
  stack.hereLink.mode = mode;
  await repeat(ms, 250, () => stack.hereLink.cut());
  stack.hereLink.mode = 'pass';
  stack.hereLink.cut();
}

/** 403 waits for a person, who acts when HERE is right again: the bridge may be dead at the moment, so he insists. */
async function release(stack: Stack): Promise<void> {
  // An answer may still be on its way.
  await pause(300);
  await until(
    UNDO_MS,
    async () => {
      await stack.restartHeld();
      return true;
    },
    250,
  );
}
