// Uplinks that wait for a contender in its session at the broker.
import { load } from '../mqtt-drain.ts';
import type { Contender } from './contenders.ts';

export const LOAD = { devices: 5_000, payloadBytes: 1_500 };

/** Freezes it (SIGCONT lets it go on): the broker keeps for it what is published meanwhile. */
export async function freezeAndLoad(contender: Contender, broker: string, uplinks: number): Promise<void> {
  process.kill(contender.pid(), 'SIGSTOP');
  try {
    await load(broker, contender.topicPattern, { ...LOAD, uplinks });
  } catch (error) {
    // One that is frozen does not hear that it should end.
    process.kill(contender.pid(), 'SIGCONT');
    throw error;
  }
}
