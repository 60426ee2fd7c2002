// What a worker refuses is an exit code by which a script can tell what to do.
import { expect, test } from 'vitest';
import { refusal } from '../../src/cli/admin-client.ts';
import { EXIT } from '../../src/domain/errors.ts';

test.each([
  ['wrong input', [400, 413], EXIT.data],
  ['a no that trying again does not change', [403, 422], EXIT.failed],
  ['something that is not there', [404], EXIT.noInput],
  ['a worker that cannot do it now', [401, 405, 409, 412, 429, 503], EXIT.unavailable],
  ['a defect', [500, 502, 418], EXIT.software],
])('%s: statuses %j end with %i', (_, statuses, code) => {
  expect(statuses.map((status) => refusal(status, null).exitCode)).toEqual(statuses.map(() => code));
});
