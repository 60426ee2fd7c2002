// The demo's live view as text.
import { describe, expect, test } from 'vitest';
import { createLiveView, type Screen, wantsColour } from '../../../src/cli/demo/live.ts';
import { DemoConnections, type DemoSnapshot, RateMeter } from '../../../src/cli/demo/snapshot.ts';
import { renderLine, renderView } from '../../../src/cli/demo/view.ts';
import type { BridgeEvent } from '../../../src/domain/events.ts';
import { emptyLedger, type Ledger } from '../../../src/domain/ledger.ts';
import type { ConnectionView } from '../../../src/domain/ports/control.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const ledger: Ledger = {
  ...emptyLedger(),
  received: 120,
  delivered: 100,
  pending: 5,
  expired: { tooOld: 3 },
  skipped: { report: 6, join: 2 },
  deadLettered: { refused: 4 },
};

function event(message: string, n = 0): BridgeEvent {
  const time = `2026-03-14T09:00:${String(n).padStart(2, '0')}.000Z`;
  return { id: String(n), time, count: 1, kind: 'hereUnavailable', severity: 'warning', connectionId: 'yard', message };
}

const snapshot: DemoSnapshot = {
  elapsedMs: 12_400,
  forMs: 20_000,
  phase: 'running',
  fleet: { published: 512, acknowledged: 510, perSecond: 40 },
  connections: [
    {
      id: 'harbour',
      state: 'OPENED',
      reason: null,
      receivedPerSecond: 24.84,
      settledPerSecond: 24.1,
      waiting: 5,
      requestsInFlight: 1,
      latencyMs: { p50: 8.21, p99: 1234 },
      ledger,
    },
    {
      id: 'yard',
      state: 'CLOSED',
      reason: 'HERE does not answer; it is asked again every 20 s.',
      receivedPerSecond: 15,
      settledPerSecond: 0,
      waiting: 0,
      requestsInFlight: 0,
      latencyMs: { p50: 0, p99: 0 },
      ledger: emptyLedger(),
    },
  ],
  events: [event('HERE answers with 503.')],
  hints: ['npx --no-install here-bridge connections ls'],
};

describe('the live view', () => {
  test('shows each connection, its ledger and the sum, events and hints', () => {
    const text = renderView(snapshot, { columns: 100, colour: false }).join('\n');
    expect(text).toContain('00:12 of 00:20');
    expect(text).toMatch(/harbour\s+OPENED\s+24\.8\s+24\.1\s+5\s+1\s+8\.2 ms\s+1\.2 s/);
    expect(text).toContain('yard: HERE does not answer');
    expect(text).toMatch(/harbour\s+120\s+100\s+5\s+3\s+0\s+8\s+4\s+balanced/);
    expect(text).toMatch(/all\s+120\s+100/);
    expect(text).toContain('09:00:00  yard: HERE answers with 503.');
    expect(text).toContain('here-bridge connections ls');
  });

  test('says by how much a ledger is off', () => {
    const bad = { ...snapshot.connections[0]!, ledger: { ...ledger, received: 121 } };
    const text = renderView({ ...snapshot, connections: [bad] }, { columns: 100, colour: false }).join('\n');
    expect(text).toContain('off by 1');
  });

  test('keeps within any width, with long ids too', () => {
    const long = { ...snapshot.connections[0]!, id: 'x'.repeat(63) };
    for (const columns of [20, 40, 80, 200]) {
      for (const line of renderView({ ...snapshot, connections: [long] }, { columns, colour: false })) {
        expect([...line].length).toBeLessThanOrEqual(columns);
      }
    }
    const wide = renderView({ ...snapshot, connections: [long] }, { columns: 90, colour: false }).join('\n');
    expect(wide).toMatch(/x…\s+OPENED/);
  });

  test('keeps within the height: hints go first, then older events', () => {
    const events = Array.from({ length: 9 }, (_, n) => event(`event ${n}`, n));
    const rows = 16;
    const lines = renderView({ ...snapshot, events }, { columns: 100, rows, colour: false });
    expect(lines.length).toBeLessThanOrEqual(rows);
    const text = lines.join('\n');
    expect(text).toContain('event 8');
    expect(text).not.toContain('event 0');
    expect(text).not.toContain('Try next');
  });

  test('has colours only when asked, and then closes each', () => {
    const [plain, coloured] = [false, true].map((colour) => renderView(snapshot, { columns: 100, colour }).join('\n'));
    expect(plain).not.toContain('\u001b');
    expect(coloured).toContain('\u001b[32mOPENED');
    expect(coloured!.split('\u001b[0m').length * 2 - 2).toBe(coloured!.split('\u001b[').length - 1);
  });

  test('lets nothing from outside steer the terminal', () => {
    const evil = event('bell \u0007 and \u001b[2J clear\nnext line');
    const text = renderView({ ...snapshot, events: [evil] }, { columns: 100, colour: false }).join('\n');
    expect(text).not.toContain('\u001b');
    expect(text).toContain('bell   and  [2J clear next line');
  });

  test('is one line elsewhere', () => {
    expect(renderLine(snapshot)).toBe(
      '00:12  24.1 uplinks/s  received 120  delivered 100  pending 5  expired 3  filtered 0  skipped 8  dead letters 4  harbour OPENED, yard CLOSED',
    );
  });
});

class PaperScreen implements Screen {
  readonly isTTY: boolean;
  rows = 40;
  columns = 100;
  text = '';

  constructor(isTTY: boolean) {
    this.isTTY = isTTY;
  }

  write(text: string): void {
    this.text += text;
  }
}

describe('showing it', () => {
  test('redraws in place on a terminal and gives the cursor back', async () => {
    const clock = new ManualClock();
    const screen = new PaperScreen(true);
    const view = createLiveView({ screen, clock, colour: false, snapshot: () => snapshot });
    view.start();
    const lines = screen.text.split('\n').length - 1;
    screen.text = '';
    await clock.advance(500);
    expect(screen.text.startsWith(`\u001b[${lines}F\u001b[J`)).toBe(true);
    screen.columns = 60;
    screen.text = '';
    await clock.advance(500);
    expect(screen.text.startsWith('\u001b[2J')).toBe(true);
    view.stop();
    expect(screen.text.endsWith('\u001b[?25h')).toBe(true);
    expect(clock.pendingTimers).toBe(0);
  });

  test('shows connections and ledger also on a terminal that does not know its size', () => {
    const screen = new PaperScreen(true);
    [screen.columns, screen.rows] = [0, 0];
    const view = createLiveView({ screen, clock: new ManualClock(), colour: false, snapshot: () => snapshot });
    view.start();
    view.stop();
    for (const shown of ['harbour', 'delivered']) expect(screen.text).toContain(shown);
  });

  test('prints a line every five seconds where there is no terminal', async () => {
    const clock = new ManualClock();
    const screen = new PaperScreen(false);
    const view = createLiveView({ screen, clock, colour: false, snapshot: () => snapshot });
    view.start();
    await clock.advance(10_000);
    view.stop();
    expect(screen.text.trim().split('\n')).toHaveLength(4);
    expect(screen.text).not.toContain('\u001b');
  });

  test('colours need a terminal and no NO_COLOR', () => {
    expect(wantsColour(new PaperScreen(true), {})).toBe(true);
    expect(wantsColour(new PaperScreen(true), { NO_COLOR: '1' })).toBe(false);
    expect(wantsColour(new PaperScreen(true), { NO_COLOR: '' })).toBe(true);
    expect(wantsColour(new PaperScreen(false), {})).toBe(false);
  });
});

describe('rates', () => {
  test('are those of the last seconds', () => {
    const meter = new RateMeter(5000);
    expect(meter.sample(0, 0)).toBe(0);
    expect(meter.sample(1000, 100)).toBe(100);
    for (let second = 2; second <= 20; second++) meter.sample(second * 1000, 100);
    expect(meter.sample(21_000, 100)).toBe(0);
  });

  test('are kept per connection, from the worker’s own views', () => {
    const connections = new DemoConnections();
    const view = (received: number): ConnectionView =>
      ({
        id: 'a',
        state: 'OPENED',
        reason: null,
        activity: null,
        ledger: { ...emptyLedger(), received },
      }) as ConnectionView;
    connections.take([view(0)], 0);
    const [now] = connections.take([view(50)], 1000);
    expect(now).toMatchObject({ id: 'a', receivedPerSecond: 50, settledPerSecond: 50, waiting: 0 });
  });
});
