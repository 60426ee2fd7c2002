// Deliberate defects, each a few words changed in one source file while it is loaded; what is shipped knows nothing of them.
import { registerHooks } from 'node:module';

interface Edit {
  /** Its end, as in `src/uplink/intake.ts`. */
  readonly file: string;
  /** Found exactly once; else the mutant is out of date. */
  readonly find: string;
  readonly replace: string;
}

export interface Mutant {
  readonly name: string;
  readonly edits: readonly Edit[];
}

function mutant(name: string, ...edits: readonly (readonly [file: string, find: string, replace: string])[]): Mutant {
  return { name, edits: edits.map(([file, find, replace]) => ({ file, find, replace })) };
}

const DELIVER = 'src/uplink/deliver.ts';
const FLOW = 'src/uplink/uplink-flow.ts';
const INTAKE = 'src/uplink/intake.ts';
const WAITING = 'src/uplink/waiting.ts';
const GATE = 'src/here/gate.ts';
const BOOKS = 'src/store/books.ts';
const WRITER = 'src/store/journal-writer.ts';

export const MUTANTS: readonly Mutant[] = [
  mutant('acknowledge before commit', [
    INTAKE,
    'const first = this.#o.store.append(entries, onDisk, passed);',
    'done(null);\n    const first = this.#o.store.append(entries, onDisk, passed);',
  ]),
  mutant('acknowledge what the disk refused', [INTAKE, 'done(error);\n', 'done(null);\n']),
  mutant('write without waiting for the disk', [
    WRITER,
    'await open.file.writeDurably(',
    'void open.file.writeDurably(',
  ]),
  mutant('commit before the answer', [
    FLOW,
    'startedAt = this.#o.clock.monotonic();',
    "startedAt = this.#o.clock.monotonic();\n        for (const { seq } of items) this.#settler.add(seq, { kind: 'delivered' });\n        this.#settler.flush();",
  ]),
  mutant('take an answer that never came for a yes', [
    DELIVER,
    "case 'retry':\n",
    "case 'retry':\n        if (outcome.cause === 'timeout') return this.answered(items, { kind: 'accepted', requestId: '' }, startedAt);\n",
  ]),
  mutant('forget the batch in flight at a reconnect', [
    DELIVER,
    'this.#parts.room.putBack(ready);',
    'if (!this.#signals.ask.signal.aborted) this.#parts.room.putBack(ready);',
  ]),
  mutant('settle all when one is refused', [
    DELIVER,
    'if (items.length > 1) return this.#narrow(items, outcome.hint);',
    'for (const item of items.slice(1)) this.#refuse(item, outcome.unknownDevice, outcome.answer);',
  ]),
  mutant('drop on 413', [
    DELIVER,
    'const left = await this.#send(items.slice(0, middle));',
    "for (const item of items.slice(0, middle)) this.#final(item, { kind: 'delivered' }, null);\n    const left = { kind: 'accepted' } as PartVerdict;",
  ]),
  mutant('count twice', [
    BOOKS,
    'const ledger = booked(this.#ledger, outcomes);',
    'const ledger = booked(this.#ledger, outcomes);\n    ledger.delivered += 1;\n    ledger.pending -= 1;',
  ]),
  mutant('keep the ledger out of the transaction', [
    BOOKS,
    'this.#saveColumns(ledger, passed.size === 0 ? outcomes : [...outcomes, ...passed.keys()], gone);',
    'queueMicrotask(() => tables.database.transaction(() => this.#saveColumns(ledger, [...outcomes, ...passed.keys()], gone)));',
  ]),
  mutant('lose the order on putting back', [
    WAITING,
    'lane.flying = 0;\n      if (as',
    'lane.flying = 0;\n      if (lane.size > 1) lane.items.push(lane.items.splice(lane.head, 1)[0] as Item);\n      if (as',
  ]),
  mutant('send a device in two requests at once', [
    WAITING,
    'lane.state = LANE.flying;',
    'lane.state = LANE.flying;\n      if (lane.size > 3) queueMicrotask(() => this.#makeReady(lane));',
  ]),
  mutant('pass over what is left in the journal', [
    'src/uplink/backlog.ts',
    'return this.#unread.has(device) || this.#held.has(device) ||',
    'return this.#held.has(device) ||',
  ]),
  mutant('retry without permits', [
    DELIVER,
    'outcome = await this.#project.gate.run(1, this.#signals.ask.signal, () => {',
    'outcome = await (async (task: () => Promise<RequestOutcome>) => task())(() => {',
  ]),
  mutant('one request too many at once', [
    GATE,
    'const concurrency = Math.max(1, Math.min(',
    'const concurrency = 1 + Math.max(1, Math.min(',
  ]),
  mutant('ignore Retry-After', [
    'src/here/outcome.ts',
    "const value = headers['retry-after']?.trim();",
    'const value = undefined as string | undefined;',
  ]),
  mutant('repeat a refused log-in', [
    'src/connections/here-access.ts',
    "if (logIn.kind === 'refused') {",
    "if (logIn.kind === 'refused') {\n        account.forgetRefusal();\n        if (logIn.attempted) return only({ kind: 'transient', message: 'again', afterMs: null });",
  ]),
  mutant('dead-letter a device that HERE does not know', [
    DELIVER,
    'createsDevices && !notFound.note(item.device, item.seq)',
    'createsDevices && notFound.note(item.device, item.seq)',
  ]),
  mutant('never ask for the health of the host', [
    'src/connections/host-health.ts',
    'if (healthy) this.#reopen(host, AGAIN_AT_ONCE, this.#spreadMs);',
    '',
  ]),
  mutant('forget the names of new journal files', [WRITER, 'await disk.syncDirectory(directory);', '']),
  mutant('keep what a torn write left behind', [
    'src/store/journal-writer.ts',
    'await this.#mend().catch(() => {});\n        this.#fail(',
    'this.#remains = null;\n        this.#fail(',
  ]),
  mutant('send again what was settled while it was read back', [
    'src/uplink/backlog.ts',
    ' || this.#settledMeanwhile.has(record.seq)',
    '',
  ]),
  mutant('use a permit twice after a renewed token', [
    'src/here/project.ts',
    'this.gate.again(signal);',
    'Promise.resolve();',
  ]),
  mutant('remove a journal file before its settlements are durable', [
    'src/store/segment-removal.ts',
    'await barrier();',
    '',
  ]),
  mutant('write a journal file anew before its settlements are durable', [
    'src/store/compaction.ts',
    'await barrier();',
    '',
  ]),
  mutant('forget what was settled while a journal file was written anew', [
    'src/store/compaction.ts',
    'by.applyBitmap(segment.bitmap());',
    '',
  ]),
];

export function fits(find: string, source: string): boolean {
  return source.split(find).length === 2;
}

/** Changes what is loaded from now on in this thread. */
export function release({ name, edits }: Mutant): void {
  registerHooks({
    load(url, context, next) {
      const loaded = next(url, context);
      let source: string | null = null;
      for (const { file, find, replace } of edits) {
        if (!url.endsWith(file)) continue;
        source ??= Buffer.from(loaded.source as Uint8Array).toString('utf8');
        if (!fits(find, source)) throw new Error(`The mutant "${name}" does not fit ${file} any more`);
        source = source.replace(find, () => replace);
      }
      return source === null ? loaded : { ...loaded, source };
    },
  });
}
