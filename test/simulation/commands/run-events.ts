// Runs the events of a simulated world one after the other; while it runs, what the real code gives to the event loop belongs to it.
import { Dead, type Life } from '../life.ts';
import type { SimTime } from '../time.ts';

const MOST_EVENTS = 500_000;
const nextTurn = setImmediate;

export async function untilDone(
  time: SimTime,
  isDone: () => boolean,
  violated: (check: string, message: string) => void,
): Promise<void> {
  await quiet();
  for (let events = 0; !isDone(); events++) {
    const event = time.next();
    if (event === null || events > MOST_EVENTS) {
      violated('circles', `${events} events`);
      return;
    }
    try {
      event();
    } catch (error) {
      if (!(error instanceof Dead)) violated('uncaught', String((error as Error).stack));
    }
    await quiet();
  }
}

/** Promise callbacks run to their end before the next event: there is no other asynchrony. */
function quiet(): Promise<void> {
  return new Promise((resolve) => nextTurn(resolve));
}

export interface TakenOver {
  readonly time: SimTime;
  readonly life: () => Life | null;
  readonly onUncaught: (words: string) => void;
}

/** Answers what gives the event loop back. */
export function takeOver({ time, life, onUncaught }: TakenOver): () => void {
  const { setImmediate: immediate, setTimeout: timeout } = globalThis;
  globalThis.setImmediate = ((run: (...given: unknown[]) => void, ...given: unknown[]) => {
    time.after(0.001, () => run(...given), life());
    return {};
  }) as unknown as typeof setImmediate;
  globalThis.setTimeout = (() => {
    throw new Error('real time in simulated code');
  }) as unknown as typeof setTimeout;
  const onRejection = (error: unknown): void => {
    if (!(error instanceof Dead) && life()?.alive === true) onUncaught(String((error as Error).stack));
  };
  process.on('unhandledRejection', onRejection);
  return () => {
    globalThis.setImmediate = immediate;
    globalThis.setTimeout = timeout;
    process.off('unhandledRejection', onRejection);
  };
}
