// What the command line prints of foreign words.
import { expect, test } from 'vitest';
import { connectionLines, connectionTable, uplinkLine } from '../../src/cli/connection-lines.ts';
import { type CliIo, printLine, table } from '../../src/cli/io.ts';
import type { ConnectionView, FollowedUplink } from '../../src/domain/ports/control.ts';

const FOREIGN = 'x\u001b]0;title\u0007\u001b[2J\u001b[8m\u009b31m\r\nall is well';
const SHOWN = 'x\\u001b]0;title\\u0007\\u001b[2J\\u001b[8m\\u009b31m\\u000d\\u000aall is well';

function terminal(): CliIo & { readonly text: string } {
  const written: string[] = [];
  const output = { write: (text: string) => written.push(text), isTTY: true };
  return {
    ...{ stdout: output, stderr: output, env: {}, cwd: '/', exitWith: () => {} },
    stdin: (async function* () {})(),
    stopSignal: () => new AbortController().signal,
    get text() {
      return written.join('');
    },
  };
}

/** All that would steer a terminal, but line ends and our colours. */
function steering(text: string): string[] {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  const ours = /\u001b\[(0|1|2|31|32|33)m|\n/g;
  return text.replaceAll(ours, '').match(/[\p{Cc}\u2028\u2029]/gu) ?? [];
}

const view = {
  ...{ id: 'a', name: FOREIGN, state: 'UNREACHABLE', reason: FOREIGN, active: true, ledger: null, activity: null },
  configuration: { email: FOREIGN },
  status: {
    ...{ since: 'today', worker: FOREIGN, appId: FOREIGN, errors: [{ pointer: '/name', message: FOREIGN }] },
    source: { broker: 'main', up: false, reason: FOREIGN },
    activeAlarms: [{ message: FOREIGN, since: 'today', uplinksPerHour: 0, uplinkRateMinPerHour: 1 }],
  },
} as unknown as ConnectionView;

test('a table shows foreign words as they are, in one line each, and keeps its own colours', () => {
  const io = terminal();
  printLine(
    io,
    table([['NAME'], [FOREIGN]], (cell, row) => (row === 0 ? `\u001b[2m${cell}\u001b[0m` : cell)),
  );
  expect(io.text).toBe(`\u001b[2mNAME\u001b[0m\n${SHOWN}\n`);
});

test('so do connections and uplinks', () => {
  const io = terminal();
  printLine(io, connectionTable(io, [view]));
  expect(io.text.split('\n')).toHaveLength(5);
  printLine(io, connectionLines(io, view));
  const outcome = { kind: 'deadLettered', reason: 'refused', detail: { message: FOREIGN } };
  const uplink = { time: 'now', seq: 1, device: 'A', fCnt: 1, outcome, requestId: 'r', latencyMs: 1 };
  printLine(io, uplinkLine(io, uplink as unknown as FollowedUplink));
  expect(steering(io.text)).toEqual([]);
  expect(io.text).not.toMatch(/^all is well/m);
  expect(io.text).toContain('\u001b[31mUNREACHABLE\u001b[0m since today');
});

test('what is printed without a table cannot steer the terminal either', () => {
  const io = terminal();
  printLine(io, `one ${FOREIGN}\ntwo`);
  expect(steering(io.text)).toEqual([]);
  expect(io.text.endsWith('\ntwo\n')).toBe(true);
});
