// Judges the commands of a round: what trouble excuses, and whether the bridge's ledgers of commands agree.
import type { CommandLedgerView } from '../domain/ports/commands.ts';
import type { Applications } from './applications.ts';
import type { LossWindow } from './books.ts';
import { type CommandJudgement, type CommandTroubles, judgeCommands, ledgerFault } from './command-books.ts';
import type { Lane } from './schedule.ts';
import { CONNECTIONS, type Stack } from './stack.ts';
import { until } from './wait.ts';

export interface CommandVerdict extends CommandJudgement {
  /** Connections whose ledger of commands is wrong, and why. */
  readonly imbalances: readonly string[];
}

/** What HERE has taken away so far. */
type Removals = () => CommandTroubles['removals'];

/** HERE's faults publish nothing twice. */
const LANES: ReadonlySet<Lane> = new Set(['bridge', 'disk', 'broker', 'clock']);

export class CommandJudge {
  readonly #stack: Stack;
  readonly #applications: Applications;
  readonly #removals: Removals;
  readonly #disturbed: LossWindow[] = [];

  constructor(stack: Stack, applications: Applications, removals: Removals) {
    this.#stack = stack;
    this.#applications = applications;
    this.#removals = removals;
  }

  /** A fault is over that began at `from` (wall clock, ms). */
  disturbed(lane: Lane = 'bridge', from = Date.now()): void {
    if (LANES.has(lane)) this.#disturbed.push({ from, to: Date.now() });
  }

  judgement(brokerKills: readonly LossWindow[]): CommandJudgement {
    const { desires, downlinks } = this.#applications;
    const disturbed = this.#disturbed;
    return judgeCommands(desires, downlinks, {
      ...{ disturbed, hereKills: this.#stack.here.kills, removals: this.#removals(), brokerKills },
    });
  }

  /** Waits for the ledgers, which follow what the network has. */
  async conclude(brokerKills: readonly LossWindow[], timeoutMs: number): Promise<CommandVerdict> {
    let imbalances: readonly string[] = ['the bridge does not answer'];
    await until(timeoutMs, async () => {
      imbalances = await this.#imbalances();
      return imbalances.length === 0;
    });
    return { ...this.judgement(brokerKills), imbalances };
  }

  async #imbalances(): Promise<readonly string[]> {
    const { desires, downlinks } = this.#applications;
    const got = new Set(downlinks.map(({ hex }) => hex));
    const found: string[] = [];
    for (const { id } of CONNECTIONS) {
      const view = await this.#stack.bridge.call('GET', `/connections/${id}/command-ledger`);
      const { ledger, imbalance, off } = view as CommandLedgerView;
      const received = desires.filter(({ connectionId, hex }) => connectionId === id && got.has(hex)).length;
      const fault = ledgerFault(ledger, imbalance, off, received);
      if (fault !== null) found.push(`${id}: ${fault}`);
    }
    return found;
  }
}
