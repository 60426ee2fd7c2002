// Which change is a command: the rules of design point 8, one by one.
import { describe, expect, test } from 'vitest';
import type { HandledShadow, ShadowChange } from '../../src/domain/ports/downlink.ts';
import { checkTemplate, renderTemplate } from '../../src/downlink/template.ts';
import { type Decision, decide, type Judgement } from '../../src/downlink/which-change.ts';

const HOUR = 3_600_000;
const NOW = 1_800_000_000_000;

function change(version: number, desired: object, more: Partial<ShadowChange> = {}): ShadowChange {
  const document = JSON.stringify({
    ...desired,
    system: { stateVersion: version, ...(desired as { system?: object }).system },
  });
  return { device: '70B3D50000000001', version, desiredAt: NOW - HOUR + version, document, reported: null, ...more };
}

function judge(of: ShadowChange, before: HandledShadow | null = null, more: Partial<Judgement> = {}): Decision {
  const rules = { template: null, since: NOW - 2 * HOUR, hereNow: NOW, maxAgeMs: 24 * HOUR };
  return decide(of, { before, ...rules, ...more });
}

function handled(of: ShadowChange, before: HandledShadow | null = null): HandledShadow {
  const decision = judge(of, before);
  if (decision.kind === 'known') throw new Error('it is known');
  return decision.handled;
}

const outcome = (decision: Decision) => (decision.kind === 'ignored' ? decision.reason : decision.kind);

describe('a desired shadow', () => {
  const first = change(1, { payload: { a: 1 } });

  test('at first sight is a command if it is younger than the connection and than a command may be', () => {
    expect(outcome(judge(first))).toBe('command');
    expect(outcome(judge(first, null, { since: NOW }))).toBe('before');
    expect(outcome(judge(first, null, { maxAgeMs: HOUR / 2 }))).toBe('before');
  });

  test('is known once it was handled, also when it is seen again', () => {
    expect(outcome(judge(first, handled(first)))).toBe('known');
    expect(outcome(judge({ ...first, desiredAt: first.desiredAt + 1 }, handled(first)))).toBe('known');
    const second = change(2, { payload: { a: 2 } });
    expect(outcome(judge(first, handled(second)))).toBe('known');
  });

  test('with the same document under a newer version is a repeat; with another setting it is none', () => {
    const before = handled(first);
    expect(outcome(judge(change(2, { payload: { a: 1 } }), before))).toBe('command');
    const setting = judge(change(2, { payload: { a: 1 }, system: { rate: { sendMs: 5 } } }), before);
    expect(setting).toMatchObject({ kind: 'ignored', reason: 'settings', acknowledge: true });
    expect(
      outcome(
        judge(
          change(3, { payload: { a: 1 }, system: { rate: { sendMs: 5 } } }),
          setting.kind === 'ignored' ? setting.handled : null,
        ),
      ),
    ).toBe('command');
  });

  test('whose members come in another order is the same', () => {
    const before = handled(change(1, { payload: { a: 1, b: [{ c: 1, d: 2 }] } }));
    const again = change(2, { system: { rate: { sendMs: 1 } }, payload: { b: [{ d: 2, c: 1 }], a: 1 } });
    expect(outcome(judge(again, before))).toBe('settings');
  });

  test('without a payload is none, and one that the device has seen already is none', () => {
    expect(outcome(judge(change(1, {})))).toBe('empty');
    expect(outcome(judge(change(1, { payload: {} })))).toBe('empty');
    expect(outcome(judge({ ...first, reported: 1 }))).toBe('alreadyReported');
    expect(outcome(judge({ ...first, reported: 0 }))).toBe('command');
  });

  test('that came while nobody looked, and has become too old, is seen and expires', () => {
    const late = { ...change(2, { payload: { a: 2 } }), desiredAt: NOW - 30 * HOUR };
    expect(judge(late, handled(first), { since: NOW - 40 * HOUR })).toMatchObject({ kind: 'command', isTooOld: true });
  });

  test('that HERE counts anew, because the device was created again, is a command under another era', () => {
    const before = handled(change(7, { payload: { a: 7 } }));
    const reset = { ...change(1, { payload: { a: 7 } }), desiredAt: NOW - 10 };
    expect(judge(reset, before)).toMatchObject({ kind: 'command', handled: { version: 1, era: 1 } });
    // An old one that a page brings late is none.
    expect(outcome(judge({ ...reset, desiredAt: before.desiredAt - 1 }, before))).toBe('known');
  });

  test('that cannot be read is a command, to be refused', () => {
    expect(outcome(judge({ ...first, document: '' }))).toBe('command');
    expect(outcome(judge(change(1, { payload: 'text' })))).toBe('command');
  });
});

describe('a template', () => {
  const template = { FPort: 3, payload: { every: '{{/system/rate/sendMs}}', note: 'for {{/payload/who}}' } };

  test('names the setting that is sent; other settings are none', () => {
    const desired = { payload: { who: 'all' }, system: { rate: { sendMs: 60_000 } } };
    expect(renderTemplate(template, desired)).toEqual({ FPort: 3, payload: { every: 60_000, note: 'for all' } });
    const before = judge(change(1, desired), null, { template });
    expect(outcome(before)).toBe('command');
    const other = change(2, { ...desired, system: { rate: { sendMs: 60_000, sampleMs: 5 } } });
    expect(outcome(judge(other, before.kind === 'command' ? before.handled : null, { template }))).toBe('settings');
    expect(outcome(judge(change(2, { payload: { who: 'all' } }), null, { template }))).toBe('empty');
  });

  test('finds own members only', () => {
    expect(renderTemplate({ x: '{{/payload/__proto__}}' }, { payload: {} })).toBeNull();
    expect(renderTemplate({ x: '{{/payload/constructor/name}}' }, { payload: {} })).toBeNull();
    expect(renderTemplate({ x: '{{/payload/0}}' }, { payload: ['first'] })).toEqual({ x: 'first' });
    expect(renderTemplate({ x: '{{/payload/a~1b}}' }, { payload: { 'a/b': false } })).toEqual({ x: false });
  });

  test.each([
    [{ x: 'nothing' }, /at least one placeholder/],
    [{ x: '{{payload}}' }, /JSON pointers/],
    [{ x: '{{/reported/x}}' }, /JSON pointers/],
    [{ x: '{{/payload/x' }, /close each/],
    [['{{/payload/x}}'], /JSON object/],
    [{ x: `{{/payload/x}}${'y'.repeat(5000)}` }, /at most 4096/],
  ])('%j is refused with what is allowed', (wrong, why) => {
    expect(checkTemplate(wrong)).toMatch(why);
    expect(checkTemplate(template)).toBeNull();
  });
});
