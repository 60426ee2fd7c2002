// HERE's answers become outcomes: every status, half answers, hints at the record, `Retry-After`, no secrets in words.
import { describe, expect, test } from 'vitest';
import type { HttpAnswer, WholeAnswer } from '../../src/here/http.ts';
import { hereAnswerOf, MAX_RETRY_AFTER_MS, outcomeOf, retryAfterMs, STATUS_RULES } from '../../src/here/outcome.ts';

const NOW = Date.UTC(2026, 0, 1);

function answer(status: number, body: unknown = '', headers: Record<string, string> = {}): WholeAnswer {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return { kind: 'answer', status, headers, body: text, requestId: 'r-1' };
}

function hereError(
  code: number,
  message = 'Something is wrong',
  details: unknown = { hereErrorCode: code * 1000 + 306 },
) {
  return { error: 'Wrong', code, id: '5771b3d4-95ae-4959-ac63-fbaa3d5d06ee', message, details };
}

const kindOf = (each: HttpAnswer, records = 10): string => {
  const outcome = outcomeOf(each, records, NOW);
  if (outcome.kind === 'retry') return `retry ${outcome.cause}`;
  if (outcome.kind === 'refused') return `refused ${outcome.unknownDevice ? 'device' : 'record'}`;
  return outcome.kind;
};

describe('the outcome of a batch', () => {
  test.each([
    [204, 'accepted'],
    [400, 'refused record'],
    [409, 'refused record'],
    [422, 'refused record'],
    [404, 'refused device'],
    [401, 'reauthenticate'],
    [403, 'hold'],
    [405, 'hold'],
    [415, 'hold'],
    [413, 'tooLarge'],
    [429, 'retry rateLimited'],
    [408, 'retry timeout'],
    [407, 'retry connection'],
    [500, 'retry unavailable'],
    [502, 'retry unavailable'],
    [503, 'retry unavailable'],
    [504, 'retry unavailable'],
    [302, 'retry badAnswer'],
  ])('of %i is %s', (status, expected) => {
    expect(kindOf(answer(status, status === 204 ? '' : hereError(status)))).toBe(expected);
  });

  test('of a 200 is no acceptance: a portal on the way answers so', () => {
    expect(kindOf(answer(200, '<html>Please log in to the Wi-Fi</html>'))).toBe('retry badAnswer');
    expect(kindOf(answer(200, {}))).toBe('retry badAnswer');
  });

  test('of a 404 that is not in the form of HERE condemns no device', () => {
    expect(kindOf(answer(404, '<h1>404 Not Found</h1>'))).toBe('retry badAnswer');
    expect(kindOf(answer(404, ''))).toBe('retry badAnswer');
  });

  test('of a 400 without words refuses all the same, so that a bad record cannot block the others', () => {
    expect(outcomeOf(answer(400, ''), 10, NOW)).toMatchObject({ kind: 'refused', hint: null, answer: { status: 400 } });
  });

  test.each(['timeout', 'connection', 'badAnswer', 'stopped'] as const)(
    'of no whole answer (%s) is to try again',
    (cause) => {
      const none: HttpAnswer = { kind: 'noAnswer', cause, maybeSent: true, message: 'broken', requestId: 'r-1' };
      expect(outcomeOf(none, 10, NOW)).toEqual({
        kind: 'retry',
        cause,
        afterMs: null,
        answer: { status: 0, hereErrorCode: null, message: 'broken', requestId: 'r-1' },
      });
    },
  );

  test('is decided by the one table, whose last rule takes whatever is left', () => {
    expect(STATUS_RULES.at(-1)?.applies(999, false)).toBe(true);
    expect(STATUS_RULES.every((rule) => rule.status !== '' && rule.why !== '')).toBe(true);
  });
});

describe('the hint at the record', () => {
  test.each([
    ['data[7].position.lat must be at most 90', 7],
    ['"data[3]" is invalid', 3],
    ['data.5.timestamp is required', 5],
    ['at /data/9/scan', 9],
    ['data[10] is out of this batch', null],
    ['metadata[2] is something else', null],
    ['no hint at all', null],
  ])('in "%s" is %s', (message, hint) => {
    expect(outcomeOf(answer(400, hereError(400, message)), 10, NOW)).toMatchObject({ kind: 'refused', hint });
  });

  test('may be in the details', () => {
    const details = { hereErrorCode: 400306, errors: [{ path: ['data', 4, 'timestamp'], message: 'required' }] };
    expect(outcomeOf(answer(400, hereError(400, 'Invalid', details)), 10, NOW)).toMatchObject({ hint: 4 });
  });
});

describe('Retry-After', () => {
  test('is read in seconds', () => {
    expect(retryAfterMs({ 'retry-after': '7' }, NOW)).toBe(7000);
    expect(outcomeOf(answer(429, hereError(429), { 'retry-after': '2' }), 1, NOW)).toMatchObject({ afterMs: 2000 });
  });

  test('as a date is measured against the clock of the answer, whatever ours says', () => {
    const headers = { 'retry-after': 'Thu, 01 Jan 2026 10:00:30 GMT', date: 'Thu, 01 Jan 2026 10:00:00 GMT' };
    expect(retryAfterMs(headers, NOW)).toBe(30_000);
  });

  test('as a date is measured against our clock where the answer has none, or one that is no date', () => {
    const until = 'Thu, 01 Jan 2026 00:00:20 GMT';
    expect(retryAfterMs({ 'retry-after': until }, NOW)).toBe(20_000);
    expect(retryAfterMs({ 'retry-after': until, date: 'now' }, NOW)).toBe(20_000);
  });

  test('of a time that is over is at once, of a fraction no less than it', () => {
    expect(retryAfterMs({ 'retry-after': 'Wed, 31 Dec 2025 23:59:00 GMT' }, NOW)).toBe(0);
    expect(retryAfterMs({ 'retry-after': '1.5' }, NOW)).toBe(1500);
    expect(retryAfterMs({ 'retry-after': '0.0001' }, NOW)).toBe(1);
  });

  test('of days is cut, of nonsense is none', () => {
    expect(retryAfterMs({ 'retry-after': '9999999' }, NOW)).toBe(MAX_RETRY_AFTER_MS);
    for (const none of ['soon', '-5', '1,5', '']) expect(retryAfterMs({ 'retry-after': none }, NOW)).toBeNull();
    expect(retryAfterMs({}, NOW)).toBeNull();
  });
});

describe('the words', () => {
  test('carry HERE error code and message, at most 500 characters in one line', () => {
    const { message, hereErrorCode } = hereAnswerOf(answer(403, hereError(403, `No\nway ${'x'.repeat(2000)}`)));
    expect(hereErrorCode).toBe(403306);
    expect(message.length).toBe(500);
    expect(message.startsWith('No way xxx')).toBe(true);
  });

  test('carry no token and no secret, though HERE may repeat what it was sent', () => {
    const words = 'token Bearer h1.abc and h1.yxPIksZ0ViLq77f1Nh-9cg.NVgGBZVlCU8G7kjV for hunter2-secret';
    const { message } = hereAnswerOf(answer(401, hereError(401, words)), ['hunter2-secret']);
    expect(message).toBe('token Bearer ***** and ***** for *****');
  });

  test('survive a body with __proto__ keys, deep nesting or no object at all', () => {
    const bodies = [
      '{"__proto__": {"code": 1}, "error": "x"}',
      '['.repeat(5000),
      '"text"',
      'null',
      '{"error":1,"code":"a"}',
    ];
    for (const body of bodies) expect(hereAnswerOf(answer(500, body)).message).toBe('status 500 without words');
  });
});
