// The sessions of the bridge's own sources: what is left of one that has ended, and what waits for one that is away.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { BrokerFile } from '../../src/brokers/embedded-file.ts';
import { PublishGate } from '../../src/brokers/embedded-gate.ts';
import { SourceSessions } from '../../src/brokers/embedded-sessions.ts';
import { systemClock } from '../../src/ops/clock.ts';
import { RecordingListener, until } from './outside.ts';

let dir: string;
let files: BrokerFile[];

beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'bridge-broker-'));
  files = [];
});

afterEach(() => {
  for (const file of files) file.close();
  rmSync(dir, { recursive: true });
});

class Part {
  readonly file = new BrokerFile(path.join(dir, 'broker.db'));
  readonly notices: string[] = [];
  readonly gate = new PublishGate({
    clock: systemClock,
    store: () => null,
    onAccepted: () => {},
    onDropped: () => {},
    onNotice: () => {},
  });
  readonly sessions = new SourceSessions({
    ...{ file: this.file, gate: this.gate, clock: systemClock, maxMessages: 100, maxBytes: 1_000_000 },
    onNotice: (message) => this.notices.push(message),
  });

  constructor() {
    files.push(this.file);
  }

  static opened(): Part {
    const part = new Part();
    part.file.open();
    part.sessions.load();
    return part;
  }

  /** Resolves when it is acknowledged. */
  publish(text: string): Promise<void> {
    const publication = { topic: 'up/a', payload: Buffer.from(text), qos: 1, retain: false, dup: false } as const;
    return new Promise((resolve, reject) => {
      this.gate.admit(this, publication, (error) => (error === null ? resolve() : reject(error)));
    });
  }

  kept(): number {
    return Number(this.file.all('SELECT COUNT(*) AS count FROM kept')[0]?.count);
  }
}

test('what came in the turn in which a session ends is not kept for it', async () => {
  const part = Part.opened();
  await part.sessions.open('x', ['up/#'], new RecordingListener()).stored;
  const published = part.publish('1');
  await part.sessions.clear('x');
  await published;
  await part.file.durable(() => {});
  expect(part.kept()).toBe(0);
});

test('one that ends in the turn of a publish makes nobody else count as left out', async () => {
  const part = Part.opened();
  const y = Object.assign(new RecordingListener(), {
    hasRoom: false,
    leftOut: 0,
    onLeftOut: () => {
      y.leftOut += 1;
    },
  });
  await part.sessions.open('x', ['up/#'], new RecordingListener()).stored;
  await part.sessions.open('y', ['up/#'], y).stored;
  let acknowledged = false;
  const published = part.publish('1').then(() => {
    acknowledged = true;
  });
  await part.sessions.clear('x');
  expect([acknowledged, y.leftOut]).toEqual([false, 0]);
  y.hasRoom = true;
  await published;
  expect(y.leftOut).toBe(0);
});

test('what a cleared session has left in the file is nobody else’s at the next start', async () => {
  const before = Part.opened();
  const insert = "INSERT INTO kept (client, topic, payload, qos, arrived_at) VALUES ('x', 'up/a', 'old', 1, 1)";
  await before.file.durable(() => before.file.run(insert));
  await before.sessions.open('y', ['up/#'], new RecordingListener()).session.detach(0);
  await before.publish('1');
  before.file.close();
  const part = Part.opened();
  const [x, y] = [new RecordingListener(), new RecordingListener()];
  await part.sessions.open('x', ['up/#'], x).stored;
  part.sessions.open('y', ['up/#'], y);
  await until('y has what waited', () => y.texts.length > 0);
  await part.publish('2');
  await until('nothing waits', () => part.kept() === 0);
  expect([x.texts, y.texts]).toEqual([['2'], ['1', '2']]);
});

test('what waits for a session that the disk refused at first is kept over a restart', async () => {
  const before = new Part();
  const opened = before.sessions.open('x', ['up/#'], new RecordingListener());
  await opened.stored;
  expect(before.notices).toEqual([expect.stringMatching(/could not be stored/)]);
  before.file.open();
  await opened.session.detach(0);
  await before.publish('1');
  before.file.close();
  const x = new RecordingListener();
  Part.opened().sessions.open('x', ['up/#'], x);
  await until('it has what waited', () => x.texts.length > 0);
  expect(x.texts).toEqual(['1']);
});
