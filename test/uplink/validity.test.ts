import { describe, expect, test } from 'vitest';
import { checkValidity, parseValidity } from '../../src/uplink/validity.ts';

describe('A duration of uplinkTimeValidity', () => {
  test.each([
    ['5m', 300_000],
    ['72h', 259_200_000],
    ['3d12h60m', 3 * 86_400_000 + 12 * 3_600_000 + 3_600_000],
    ['30s', 30_000],
    ['1s1d', 86_401_000],
    ['100000d', 100_000 * 86_400_000],
  ])('%s is %d ms', (text, ms) => {
    expect(parseValidity(text)).toEqual({ ok: true, ms });
    expect(checkValidity(text)).toBeNull();
  });

  test.each(['', '5', 'm', '5 m', '5M', '-5m', '1.5h', '5w', '5m ', '0m', '0d0h', '1h;', `${'9'.repeat(16)}d`])(
    '"%s" is refused with the grammar',
    (text) => {
      expect(parseValidity(text).ok).toBe(false);
      expect(checkValidity(text)).toContain('a sum of d, h, m and s parts such as 5m, 72h or 3d12h60m');
    },
  );
});
