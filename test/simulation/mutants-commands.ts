// Deliberate defects of the way back: each must be caught by the simulation of commands within its budget of seeds.
import type { Mutant } from './mutants.ts';

const WATCH = 'src/downlink/shadow-watch.ts';
const OUTBOX = 'src/downlink/outbox.ts';
const COMMANDS = 'src/downlink/project-commands.ts';

export const COMMAND_MUTANTS: readonly Mutant[] = [
  {
    name: 'acknowledge the version before the publish',
    edits: [
      {
        file: COMMANDS,
        find: "if (decision.kind === 'command') added.push(",
        replace:
          "if (decision.kind === 'command') riding.push(...this.#ride(change.device, change.version, 0));\n      if (decision.kind === 'command') added.push(",
      },
    ],
  },
  {
    name: 'forget the overlap',
    edits: [{ file: WATCH, find: 'const OVERLAP_MS = 60_000;', replace: 'const OVERLAP_MS = 0;' }],
  },
  {
    name: 'move the cursor before what was seen is committed',
    edits: [
      {
        file: WATCH,
        find: 'this.#deal(changes);\n      if (isReached) break;',
        replace:
          'this.#o.store.setCursor(this.#o.key, JSON.stringify({ at: this.hereNow + OVERLAP_MS }));\n      this.#deal(changes);\n      if (isReached) break;',
      },
    ],
  },
  {
    name: 'commit before the word of the broker',
    edits: [
      {
        file: OUTBOX,
        find: 'await this.#options.publisher().publish(',
        replace: 'this.#options.settle(command, fact);\n      await this.#options.publisher().publish(',
      },
    ],
  },
  {
    name: 'a new CorrelationID at each publication',
    edits: [
      {
        file: 'src/downlink/prepare-command.ts',
        find: 'const correlationId = context.correlationId(attempt);',
        replace: 'const correlationId = context.correlationId(attempt + (now % 1_000));',
      },
    ],
  },
  {
    name: 'publish what a newer one has superseded',
    edits: [
      {
        file: 'src/downlink/prepare-command.ts',
        find: 'if (context.hasNewer || hasChanged)',
        replace: 'if (context.now < 0)',
      },
      { file: COMMANDS, find: 'if (this.outbox.isBusy(device)) return;', replace: 'if (device) return;' },
    ],
  },
  {
    name: 'take versions of a device that was created anew for old ones',
    edits: [
      {
        file: 'src/downlink/which-change.ts',
        find: 'const isReset = !isNewer &&',
        replace: 'const isReset = false && !isNewer &&',
      },
    ],
  },
  {
    name: 'deal changes to whoever asked',
    edits: [
      {
        file: 'src/downlink/deal-changes.ts',
        find: "const member = members.get(shadows.served.connectionOf(change.device) ?? '');",
        replace: 'const [member] = members.values();',
      },
    ],
  },
  {
    name: 'take a word of the broker for the latest news',
    edits: [
      {
        file: 'src/downlink/command-book.ts',
        find: 'const before = this.#byId.get(id);',
        replace: 'const before = arguments[0] as Command;',
      },
    ],
  },
];
