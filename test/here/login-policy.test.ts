// What is kept of log-ins: a pair that HERE has refused is not tried again without a person.
import { expect, test } from 'vitest';
import type { KeptState } from '../../src/here/kept-account.ts';
import { attempted, forgiven, mayTry, refused, worked } from '../../src/here/login-policy.ts';

const NEW: KeptState = { pair: null, scoped: {}, proven: null, failed: 0, refused: [], refusal: null };

test('a pair that was refused stays so when another one of the account works', () => {
  const wrong = refused(attempted(NEW), 'wrong', 'not valid');
  const state = worked(attempted(wrong), 'right');
  expect(state).toMatchObject({ proven: 'right', failed: 0, refused: ['wrong'], refusal: 'not valid' });
  expect(mayTry(state, 'wrong')).toMatchObject({ allowed: false, lockedOut: false });
  expect(mayTry(state, 'right')).toEqual({ allowed: true });
});

test('it is tried once more for a person, and forgotten when it works', () => {
  const state = worked(refused(attempted(NEW), 'pair', 'not valid'), 'other');
  const again = forgiven(state, 'pair');
  expect(mayTry(again, 'pair')).toEqual({ allowed: true });
  expect(worked(attempted(again), 'pair')).toMatchObject({ proven: 'pair', refused: [], refusal: null });
  // HERE had refused it for a moment alone.
  expect(worked(state, 'pair')).toMatchObject({ refused: [], refusal: null });
});
