// What a contender loses in a fault: 20,000 uplinks wait for it, and when HERE has a tenth of them the fault comes.
import { until } from '../process.ts';
import { ask } from '../stack.ts';
import type { Contender } from './contenders.ts';
import { freezeAndLoad } from './waiting.ts';

/** `kill -9` and a new start; HERE answers 503 for 2 s; HERE takes requests and answers nothing for 2 s. */
export const FAULTS = ['kill', '503', 'hang'] as const;
export type Fault = (typeof FAULTS)[number];

const UPLINKS = 20_000;
const FAULT_MS = 2_000;
/** Nothing new for so long: nothing will come. All of them try again within their 10 s of patience with a request. */
const QUIET_MS = 20_000;
const MOST_MS = 120_000;

interface Count {
  readonly count: number;
}

/** How many of the uplinks HERE never had, copies counted once. */
export async function lostIn(fault: Fault, contender: Contender, broker: string): Promise<number> {
  const { here } = contender;
  await ask(here, '/peer/distinct', 'POST');
  await freezeAndLoad(contender, broker, UPLINKS);
  const arrived = async (): Promise<number> => (await ask<Count>(here, '/peer/distinct')).count;
  process.kill(contender.pid(), 'SIGCONT');
  await until(`${contender.name} sends`, MOST_MS, async () => (await arrived()) >= UPLINKS / 10);
  if (fault === 'kill') {
    await contender.kill();
    await contender.start();
  } else await ask(here, `/peer/fault/${fault}/${FAULT_MS}`, 'POST');
  let last = 0;
  let lastAt = performance.now();
  await until(`${contender.name} has sent what it has`, MOST_MS, async () => {
    const count = await arrived();
    if (count > last) lastAt = performance.now();
    last = count;
    return count >= UPLINKS || performance.now() - lastAt > QUIET_MS;
  });
  return UPLINKS - last;
}
