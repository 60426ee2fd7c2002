// What must hold on every way through a connection's state machine.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Effect, Signal } from '../../src/connections/machine.ts';
import { Run, refused, transient } from './machine-run.ts';

/** Plays the runtime: keeps what is under way, answers in any order, and checks what must hold at each step. */
class World {
  readonly run = new Run();
  preparing = false;
  entering = false;
  closing = false;
  tearing = false;
  refused = false;
  parts = false;

  take(signal: Signal | Signal['kind']): void {
    const kind = typeof signal === 'string' ? signal : signal.kind;
    if (kind === 'refused') this.refused = true;
    if (kind === 'reopen' || kind === 'restart' || kind === 'open') this.refused = false;
    for (const effect of this.run.give(signal)) this.#do(effect);
    const { machine } = this.run;
    if (machine.phase === 'OPENED') expect(machine.lineOpen && machine.parts === 'ready').toBe(true);
    if (machine.phase === 'DEACTIVATED') expect(machine.parts).toBe('none');
    expect(machine.heldFor !== null).toBe(machine.held);
    if (machine.held) expect(['CLOSED', 'AUTHENTICATING', 'OPENING', 'OPENED', 'CLOSING']).toContain(machine.phase);
    // A probe that HERE has not answered waits for its next try.
    if (machine.held && machine.phase === 'OPENING') expect([machine.parts, this.entering]).toEqual(['ready', false]);
    if (machine.phase === 'AUTHENTICATING') expect(this.entering).toBe(true);
    if (machine.phase === 'CLOSING') expect(this.closing || this.tearing || this.preparing).toBe(true);
    if (machine.phase === 'OPENING' && machine.parts === 'making') expect(this.preparing).toBe(true);
  }

  #do(effect: Effect): void {
    if (effect.kind === 'prepare') {
      expect(this.preparing || this.parts).toBe(false);
      this.preparing = true;
    } else if (effect.kind === 'authenticate') {
      expect(this.parts && !this.closing && !this.tearing && !this.refused).toBe(true);
      this.entering = true;
    } else if (effect.kind === 'cancelWork') this.entering = false;
    else if (effect.kind === 'closeLine') {
      expect(this.closing).toBe(false);
      this.closing = true;
    } else if (effect.kind === 'tearDown') {
      expect(this.parts && !this.closing && !this.entering).toBe(true);
      this.tearing = true;
    } else if (effect.kind === 'openLine') {
      expect(this.parts && !this.closing).toBe(true);
      expect(effect.probe).toBe(this.run.machine.held);
    }
  }

  /** Lets one thing under way end. */
  end(how: number): boolean {
    if (this.preparing) {
      this.preparing = false;
      this.parts = how % 4 !== 0;
      this.take(this.parts ? 'prepared' : { kind: 'prepareFailed', message: 'disk' });
    } else if (this.closing) {
      this.closing = false;
      this.take('lineClosed');
    } else if (this.tearing) {
      this.tearing = false;
      this.parts = false;
      this.take('tornDown');
    } else if (this.entering) {
      this.entering = false;
      if (how % 5 === 0) this.take(refused);
      else if (how % 5 === 1) this.take(transient('later', how * 100));
      else if (how % 5 === 2) this.take({ kind: 'unusable', event: 'projectMissing', message: 'none' });
      else this.take('projectOpened');
    } else return false;
    return true;
  }
}

describe('on every way', () => {
  it('work never overlaps, a refused log-in is not repeated by itself, and a deactivated connection comes to rest', () => {
    const signals: fc.Arbitrary<Signal> = fc.oneof(
      fc
        .constantFrom<Signal['kind']>(
          'open',
          'deactivate',
          'reopen',
          'restart',
          'silence',
          'settings',
          'accepted',
          'reauthenticate',
          'retryDue',
          'reconnectDue',
          'hostHealthy',
          'probeDue',
        )
        .map((kind) => ({ kind }) as Signal),
      fc.record({ kind: fc.constant('hold' as const), message: fc.constant('403') }),
      fc.record({
        kind: fc.constant('failing' as const),
        message: fc.constant('503'),
        sinceMs: fc.nat(600_000),
        rateLimited: fc.boolean(),
      }),
    );
    const move = fc.oneof(signals, fc.nat(19));
    fc.assert(
      fc.property(fc.array(fc.tuple(move, fc.nat(400_000)), { maxLength: 60, size: 'max' }), (moves) => {
        const world = new World();
        for (const [what, ms] of moves) {
          world.run.at += ms;
          if (typeof what === 'number') world.end(what);
          else world.take(what);
        }
        world.take('deactivate');
        for (let turn = 0; turn < 20 && world.end(3); turn += 1);
        expect(world.run.machine.phase).toBe('DEACTIVATED');
        world.take('open');
        for (let turn = 0; turn < 20 && world.run.machine.phase !== 'OPENED'; turn += 1) world.end(3);
        expect(world.run.machine.phase).toBe('OPENED');
      }),
      { numRuns: 1000 },
    );
  });
});
