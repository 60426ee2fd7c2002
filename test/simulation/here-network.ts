// The network between the bridge and HERE at the client's transport port: delays, faults, and what can be seen from there:
// permits above the limit, requests before a Retry-After has passed, a device in two requests at once.
import type { ExchangeAnswer, ExchangeRequest, Transport } from '../../src/here/transport.ts';
import type { Dice } from './dice.ts';
import type { HereFault, HereFaults } from './here-faults.ts';
import { error, type HereModel, type HereRecord, type HereReply } from './here-model.ts';
import type { Life } from './life.ts';
import type { LogIns } from './log-ins.ts';
import { type Permits, projectOf } from './permits.ts';
import type { SimTime } from './time.ts';
import type { Trace } from './trace.ts';
import type { Uplink, Witness } from './witness.ts';

export interface NetworkOptions {
  readonly time: SimTime;
  readonly dice: Dice;
  readonly trace: Trace;
  readonly here: HereModel;
  readonly faults: HereFaults;
  readonly witness: Witness;
  /** After which the bridge is to give a request up. */
  readonly timeoutMs: number;
  readonly logIns: LogIns;
  /** What a fault leaves behind lasts until then. */
  readonly trouble: (untilMs: number) => void;
}

/** Of a process that has stalled, or of timers. */
const LATE_MS = 1_000;

export function transportOf(network: NetworkOptions, life: Life, permits: Permits): Transport {
  return {
    exchange: (request) =>
      new Promise((resolve, reject) => new Exchange(network, life, permits, request, resolve, reject)),
    destroy: () => Promise.resolve(),
  };
}

/** With the bytes of its body as text. */
interface TextRequest extends Omit<ExchangeRequest, 'body'> {
  readonly body: string | null;
}

/** One request and what becomes of it. */
class Exchange {
  readonly #network: NetworkOptions;
  readonly #life: Life;
  readonly #permits: Permits;
  readonly #request: TextRequest;
  readonly #resolve: (answer: ExchangeAnswer) => void;
  readonly #reject: (error: unknown) => void;
  readonly #project: string | null;
  readonly #records: readonly HereRecord[];
  readonly #uplinks: readonly Uplink[];
  readonly #name: string;
  readonly #startedMs: number;
  #isOver = false;
  #isTaken = false;

  constructor(
    network: NetworkOptions,
    life: Life,
    permits: Permits,
    { body, ...rest }: ExchangeRequest,
    resolve: (answer: ExchangeAnswer) => void,
    reject: (error: unknown) => void,
  ) {
    this.#network = network;
    this.#startedMs = network.time.nowMs;
    this.#life = life;
    this.#permits = permits;
    const request = { ...rest, body: body === null ? null : String(body) };
    this.#request = request;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#project = projectOf(request.path, request.body);
    this.#records = recordsOf(request);
    this.#uplinks = uplinksOf(this.#records, network.witness);
    const what = this.#uplinks.length > 0 ? ` of ${this.#uplinks.length}: ${this.#uplinks[0]?.device}…` : '';
    this.#name = `${request.method} ${request.path.split('?')[0]}${what}`;
    if (!life.isLiving()) return;
    life.whenEnded(() => this.#orphaned());
    this.#start();
  }

  /** The process is gone: what HERE has taken, or will, nobody hears of. */
  #orphaned(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (this.#isTaken) this.#excuse();
  }

  #start(): void {
    const { time, dice, trace, faults } = this.#network;
    const token = this.#request.headers.authorization?.slice('Bearer '.length) ?? null;
    const email = this.#network.here.accountOfToken(token)?.email ?? emailOf(this.#request);
    const fault = faults.strike(this.#request.path, email);
    trace.add(`-> ${this.#name}${fault === null ? '' : ` (${fault.kind})`}`);
    this.#permits.started(this.#project, this.#uplinks);
    if (email !== null && isLogIn(this.#request)) this.#network.logIns.tried(email);
    const { signal } = this.#request;
    signal.addEventListener('abort', () => this.#fail(signal.reason, fault), { once: true });
    if (fault?.kind === 'away') {
      this.#later(dice.scaled(0.5, 50), () => this.#fail(refused(), fault));
      return;
    }
    const slowMs = fault?.kind === 'slow' ? fault.ms * dice.between(0.3, 1) : 0;
    time.after(dice.scaled(2, 60) + slowMs / 2, () => this.#arrive(fault, token, slowMs / 2));
  }

  /** At HERE's door; the bridge may have gone meanwhile, and its bytes with it. */
  #arrive(fault: HereFault | null, token: string | null, slowMs: number): void {
    const { dice, time } = this.#network;
    if (!this.#life.alive && dice.isLucky(0.5)) return;
    const backMs = dice.scaled(2, 120) + slowMs;
    switch (fault?.kind) {
      case 'resetBefore':
        this.#later(backMs, () => this.#fail(broken('ECONNRESET'), fault));
        return;
      case 'resetAfter':
      case 'half': {
        this.#serve(token);
        if (this.#isTaken) this.#excuse();
        const code = fault.kind === 'half' ? 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH' : 'UND_ERR_SOCKET';
        this.#later(backMs, () => this.#fail(broken(code), fault));
        return;
      }
      case 'hang':
        // Whether it was looked at, nobody learns.
        if (dice.isLucky(0.5)) this.#serve(token);
        if (this.#isTaken) this.#excuse();
        return;
      default: {
        const reply = this.#reply(fault, token);
        time.after(backMs, () => this.#answer(reply, fault));
      }
    }
  }

  #reply(fault: HereFault | null, token: string | null): HereReply {
    switch (fault?.kind) {
      case 'garbage':
        return { status: this.#network.dice.pick([200, 302, 404]), headers: {}, body: '<html>portal</html>' };
      case 'forbidden':
        return error(403, 'The account does not have the correct privileges.');
      case 'unauthorized':
        return error(401, 'The provided credentials are not valid.');
      case 'jobs':
        return error(fault.status, 'The job cannot be made.');
      case 'status':
        if (fault.isTaken) this.#serve(token);
        return error(fault.status, 'Later, please.', this.#retryAfter(fault));
      default:
        return this.#serve(token);
    }
  }

  #retryAfter(fault: HereFault & { kind: 'status' }): Readonly<Record<string, string>> {
    if (fault.retryAfterS === null) return {};
    if (!fault.asDate) return { 'retry-after': String(fault.retryAfterS) };
    const { wallMs } = this.#network.time;
    const date = new Date(wallMs).toUTCString();
    return { date, 'retry-after': new Date(Date.parse(date) + fault.retryAfterS * 1000).toUTCString() };
  }

  #serve(token: string | null): HereReply {
    const { method, path, body } = this.#request;
    // Broken off before it came here: should HERE take it, the bridge will never hear.
    if (this.#isOver) for (const uplink of this.#uplinks) uplink.excuses += 1;
    const reply = this.#network.here.serve({ method, path, token, body, records: this.#records }, this.#uplinks);
    const isTaken = reply.status === 204;
    if (this.#isOver && !isTaken) for (const uplink of this.#uplinks) uplink.excuses -= 1;
    this.#isTaken = isTaken && !this.#isOver;
    return reply;
  }

  #answer(reply: HereReply, fault: HereFault | null): void {
    const { time, trace, logIns, trouble } = this.#network;
    if (this.#isOver) return;
    trace.add(`<- ${reply.status} ${this.#name}`);
    if (fault !== null) trouble(time.nowMs);
    const toldS = fault?.kind === 'status' ? fault.retryAfterS : null;
    if (toldS !== null) {
      this.#permits.notBefore(this.#project, time.nowMs + toldS * 1000 - 0.001);
      trouble(time.nowMs + toldS * 1000);
    }
    if (isLogIn(this.#request)) {
      const { email, password } = JSON.parse(this.#request.body ?? '{}') as { email: string; password: string };
      if (reply.status === 401) logIns.refused(email, password, time.nowMs);
      // What a portal on the way answers has let nobody in.
      else if (reply.status === 200 && fault?.kind !== 'garbage') logIns.worked(email);
    }
    if (reply.status === 204) for (const uplink of this.#uplinks) uplink.heardMs.push(time.nowMs);
    this.#isTaken = this.#isTaken && reply.status !== 204;
    this.#over();
    this.#resolve(reply);
  }

  #fail(reason: unknown, fault: HereFault | null): void {
    if (this.#isOver) return;
    const words = reason instanceof Error ? reason.message : String(reason);
    this.#network.trace.add(`<- ${words}: ${this.#name}`);
    // Given up too late, that is the bridge's affair.
    const { time, timeoutMs, trouble } = this.#network;
    if (fault !== null) trouble(Math.min(time.nowMs, this.#startedMs + timeoutMs + LATE_MS));
    this.#over();
    if (this.#life.isLiving()) this.#reject(reason);
  }

  #over(): void {
    this.#isOver = true;
    if (isLogIn(this.#request)) this.#network.logIns.over(emailOf(this.#request) ?? '');
    this.#permits.ended(this.#project, this.#uplinks);
    if (this.#isTaken) this.#excuse();
  }

  #excuse(): void {
    this.#isTaken = false;
    for (const uplink of this.#uplinks) uplink.excuses += 1;
  }

  #later(ms: number, run: () => void): void {
    this.#network.time.after(ms, run, this.#life);
  }
}

function recordsOf({ path, body }: TextRequest): readonly HereRecord[] {
  if (path !== '/v3/batch' || body === null) return [];
  return (JSON.parse(body) as { data: HereRecord[] }).data;
}

function uplinksOf(records: readonly HereRecord[], witness: Witness): readonly Uplink[] {
  const uplinks = new Set(records.map(({ id, timestamp }) => witness.ofRecord(id, timestamp)));
  return [...uplinks].filter((uplink) => uplink !== null);
}

function isLogIn({ path }: TextRequest): boolean {
  return path.endsWith('/login');
}

function emailOf({ path, body }: TextRequest): string | null {
  if (!path.startsWith('/users/') || body === null) return null;
  return (JSON.parse(body) as { email?: string }).email ?? null;
}

function refused(): Error {
  return Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
}

function broken(code: string): Error {
  return Object.assign(new Error('other side closed'), { code });
}
