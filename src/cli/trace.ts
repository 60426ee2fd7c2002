// `here-bridge trace`: where a device's recent messages are, and what happened to each.
import type { Command } from 'commander';
import { BridgeError, EXIT } from '../domain/errors.ts';
import type { TracedMessage } from '../domain/ports/messages.ts';
import { printable } from '../domain/printable.ts';
import type { UplinkOutcome } from '../domain/uplink.ts';
import { AdminClient, refusal } from './admin-client.ts';
import { wholeNumber } from './arguments.ts';
import { loadFrom, withConfigOptions } from './config-options.ts';
import { type CliIo, paint, printJson, printLine } from './io.ts';

interface Options {
  readonly json?: boolean;
  readonly limit?: number;
}

/** As the API shows it: times in ISO 8601. */
export type ShownMessage = Omit<TracedMessage, 'receivedAt' | 'sentAt' | 'settledAt'> & {
  readonly receivedAt: string;
  readonly sentAt: string | null;
  readonly settledAt: string | null;
};

export interface ShownPage {
  readonly messages: readonly ShownMessage[];
  readonly inJournal: number;
}

const TARGET = /^([0-9A-Fa-f]{16})(?::(\d{1,10}))?$/;

export function registerTrace(program: Command, io: CliIo): void {
  withConfigOptions(program.command('trace'))
    .description('Tell where the recent uplinks of a device are: received, waiting, sent, accepted, or why not.')
    .argument('<connection>')
    .argument('<device>', 'the DevEUI, with :FCnt for one uplink')
    .option('--json', 'print JSON, one uplink a line')
    .option('--limit <count>', 'at most so many', wholeNumber(1, 1000), 20)
    .addHelpText(
      'after',
      `
Examples:
  here-bridge trace tenant-a 0018B20000000B20
  here-bridge trace tenant-a 0018B20000000B20:4711 --json

What waits is told whole; of what is settled, the last 8 uplinks since the bridge was started, and older dead letters.
Exit codes: 0 something is known of it, 1 nothing is, 66 there is no such connection here, 69 no bridge answers.`,
    )
    .action(async (connection: string, target: string, options: Options, command: Command) => {
      const [, device, fCnt] = TARGET.exec(target) ?? [];
      if (device === undefined) {
        throw new BridgeError('usage', `${target}: a device is 16 hex digits, with :FCnt for one uplink`, {
          exitCode: EXIT.usage,
        });
      }
      const { config } = await loadFrom(command, io);
      const client = await AdminClient.find(config.dataDir);
      const query = new URLSearchParams({ device, limit: String(options.limit ?? 20) });
      if (fCnt !== undefined) query.set('fCnt', fCnt);
      const path = `/connections/${encodeURIComponent(connection)}/messages?${query}`;
      const { status, body } = await client.request('GET', path);
      if (status !== 200) throw refusal(status, body);
      const page = body as ShownPage;
      if (page.messages.length === 0 && page.inJournal === 0) io.exitWith(EXIT.failed);
      if (options.json === true) for (const message of page.messages) printJson(io, message);
      else printLine(io, traceText(io, target, page));
    });
}

function traceText(io: CliIo, target: string, { messages, inJournal }: ShownPage): string {
  const parts = messages.map((message) => messageLines(io, message).join('\n'));
  if (inJournal > 0) {
    parts.unshift(`${inJournal} more of this device wait in the journal on disk, and are read back in their order.`);
  }
  if (parts.length === 0) {
    parts.push(
      `Nothing is known of ${target}: since the start of the bridge nothing of it has come, or it was long ago. ` +
        'Look with `here-bridge connections tail` whether it comes at all, and at the matchers and topics of the connection.',
    );
  }
  return parts.join('\n\n');
}

function messageLines(io: CliIo, message: ShownMessage): string[] {
  const { seq, fCnt, state, receivedAt, sentAt, attempts, requestId, lastAnswer, outcome, settledAt } = message;
  const counter = fCnt === null ? '' : `  FCnt ${fCnt}`;
  const lines = [`${paint(io, 'bold', `#${seq}`)}${counter}`, `  received   ${receivedAt}, and in the journal on disk`];
  if (sentAt !== null) {
    const tries = attempts > 1 ? `, ${attempts} times in all` : '';
    lines.push(`  sent       ${sentAt}${tries}${requestId === null ? '' : `, request ${requestId}`}`);
  }
  if (lastAnswer !== null) lines.push(`  answer     ${paint(io, 'yellow', printable(lastAnswer))}`);
  if (outcome === null) lines.push(`  now        ${paint(io, 'yellow', WAITING[state as keyof typeof WAITING])}`);
  else lines.push(`  ${outcomeText(io, outcome, settledAt)}`);
  return lines;
}

const WAITING = {
  inJournal: 'in the journal, to be read back',
  waiting: 'waits for its turn: for a permit, or for an uplink of the same device that is under way',
  waitingForDevice: 'waits until HERE takes its device: see `here-bridge connections show`',
  inFlight: 'in a request that HERE has not answered yet',
  settled: 'settled',
} as const;

function outcomeText(io: CliIo, outcome: UplinkOutcome, at: string | null): string {
  const when = at ?? '';
  if (outcome.kind === 'delivered') return `${paint(io, 'green', 'accepted')}   ${when}`;
  const detail = outcome.kind === 'deadLettered' ? `: ${printable(outcome.detail.message)}` : '';
  const colour = outcome.kind === 'deadLettered' ? 'red' : 'yellow';
  const word = outcome.kind === 'deadLettered' ? 'dead letter' : outcome.kind;
  return `${paint(io, colour, word.padEnd(9))}  ${when} (${outcome.reason})${detail}`;
}
