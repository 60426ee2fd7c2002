// Those who are compared: the bridge, Node-RED and Benthos. Each is one process that can be frozen, so that uplinks wait for it in
// its session at the broker, killed, and started anew.
import path from 'node:path';
import { type Stoppable, startWorker } from '../kafka-stack.ts';
import { type Child, start } from '../process.ts';
import { openConnection, type Peer, startPeer } from '../stack.ts';
import { benthos, type Installed, nodeRed } from './install.ts';
import { writeFlow } from './node-red.ts';

export interface Job {
  readonly brokerUrl: string;
  readonly hereUrl: string;
}

export interface Contender {
  readonly name: 'bridge' | 'node-red' | 'benthos';
  /** With `{DevEUI}`: each hears its own uplinks only. */
  readonly topicPattern: string;
  /** One for each: what comes late of one is not counted as another's. */
  readonly here: Peer;
  /** Of the running process. */
  readonly pid: () => number;
  start(): Promise<void>;
  /** `kill -9`, and waits for its end. */
  kill(): Promise<void>;
}

export interface Missing {
  readonly name: string;
  readonly missing: string;
}

export interface Stage {
  readonly folder: string;
  readonly broker: string;
  readonly children: Stoppable[];
  readonly say: (line: string) => void;
}

/** As long as the others wait for an answer (node-red/settings.cjs, benthos/benthos.yaml). */
const TIMEOUT_MS = 10_000;

export async function bridge({ folder, broker, children }: Stage): Promise<Contender> {
  const here = await startPeer(children);
  const services = { sandbox: { url: here.url, timeoutMs: TIMEOUT_MS } };
  const settings = {
    brokers: { main: { kind: 'mqtt', url: broker } },
    here: { defaultService: 'sandbox', services },
  };
  const process = killable(async () => {
    const worker = await startWorker(path.join(folder, 'bridge'), here, settings, children);
    await openConnection(worker, here);
    return worker.child;
  });
  return { name: 'bridge', topicPattern: 'mqtt/things/{DevEUI}/uplink', here, ...process };
}

/** The other two, or why one of them is not here. */
export async function others(stage: Stage): Promise<readonly (Contender | Missing)[]> {
  const { folder, say } = stage;
  const settings = path.join(import.meta.dirname, 'benthos', 'benthos.yaml');
  return [
    await other(stage, 'node-red', nodeRed(say), ({ file, job }) => {
      return [process.execPath, file, ...writeFlow(path.join(folder, 'node-red'), job)];
    }),
    await other(stage, 'benthos', benthos(say), ({ file }) => [file, 'run', settings]),
  ];
}

async function other(
  { broker, children }: Stage,
  name: 'benthos' | 'node-red',
  installed: Installed,
  command: (found: { readonly file: string; readonly job: Job }) => readonly string[],
): Promise<Contender | Missing> {
  if ('missing' in installed) return { name, missing: installed.missing };
  const here = await startPeer(children);
  const job = { brokerUrl: broker, hereUrl: here.url };
  const [program = '', ...args] = command({ file: installed.file, job });
  const project = { HERE_TOKEN: 'of-the-bench', HERE_APP_ID: here.appIds[0] ?? '' };
  // Go collects its garbage at four times the live memory, as much as the bridge lets its young generation grow.
  const env = { BROKER_URL: broker, HERE_URL: here.url, ...project, GOGC: '400' };
  const run = async (): Promise<Child> => {
    const child = start(program, args, env);
    children.push(child);
    return child;
  };
  return { name, topicPattern: `${name}/{DevEUI}/uplink`, here, ...killable(run) };
}

function killable(run: () => Promise<Child>): Pick<Contender, 'pid' | 'start' | 'kill'> {
  let child: Child | null = null;
  const running = (): Child => {
    if (child === null) throw new Error('It does not run.');
    return child;
  };
  return {
    pid: () => running().pid,
    start: async () => {
      child = await run();
    },
    kill: async () => {
      process.kill(running().pid, 'SIGKILL');
      // Its end is all that is left to wait for.
      await running().stop();
      child = null;
    },
  };
}
