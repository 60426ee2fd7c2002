import { describe, expect, test } from 'vitest';
import { eventSearchOf, isBackwards, localOf } from '../../src/console/pages/events/event-search.ts';
import { auditSearchOf } from '../../src/console/pages/settings/audit-search.ts';

describe('what the address of a page says of its filters', () => {
  test('of events, what is one is kept as it is', () => {
    const whole = {
      connection: 'tenant-a',
      kind: 'deviceUnknown',
      severity: 'warning',
      span: 'own',
      from: '2026-11-29T06:00:00.000Z',
      to: '2026-11-29T07:00:00.000Z',
    };
    expect(eventSearchOf(whole)).toEqual(whole);
    // An address gives an id of digits as a number.
    expect(eventSearchOf({ connection: 42 })).toEqual({ connection: '42' });
  });

  test('what is none is left out', () => {
    const wrong = { connection: '../x', kind: 'toString', severity: 'bad', span: 'year', from: 'x', to: {}, more: 1 };
    expect(eventSearchOf(wrong)).toEqual({});
    expect(eventSearchOf({ span: 'own', from: 'yesterday', to: 7 })).toEqual({ span: 'own' });
    // Moments of another span would come back, unseen, with the next one's own.
    expect(eventSearchOf({ span: 'day', from: '2026-11-29T06:00:00.000Z' })).toEqual({ span: 'day' });
  });

  test('a moment is the same in the field and out of it', () => {
    for (const iso of ['2026-03-29T00:30:00.000Z', '2026-07-01T12:34:00.000Z', '2026-11-29T23:59:00.000Z']) {
      expect(new Date(localOf(iso)).toISOString()).toBe(iso);
    }
    expect(localOf(undefined)).toBe('');
  });

  test('a span that ends before it begins is seen; an open one is not', () => {
    const [early, late] = ['2026-11-29T06:00:00.000Z', '2026-11-29T07:00:00.000Z'];
    expect(isBackwards({ from: late, to: early })).toBe(true);
    expect(isBackwards({ from: early, to: late })).toBe(false);
    expect(isBackwards({ to: early })).toBe(false);
  });

  test('of the audit, parts are bounded and empty ones left out', () => {
    expect(auditSearchOf({ who: ' anna ', action: '', target: 42, outcome: 'refused' })).toEqual({
      who: 'anna',
      target: '42',
      outcome: 'refused',
    });
    expect(auditSearchOf({ who: 'x'.repeat(1000), outcome: 'maybe' })).toEqual({ who: 'x'.repeat(200) });
  });
});
